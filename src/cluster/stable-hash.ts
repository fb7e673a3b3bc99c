/**
 * MurmurHash3_x86_32 with seed 0, of the UTF-8 bytes of a text. The same number in every process, on every platform and
 * in every language that has a murmur3. Fast and well mixed, but no secret: whoever wants a text with a given hash can
 * make one.
 *
 * A lone surrogate counts as U+FFFD, as in `Buffer.from(text, 'utf8')`.
 */
const BLOCK_BYTES = 4
const FIRST_NON_ASCII = 0x80

/** From 0 to 2^32 − 1. */
export function stableHash(text: string): number {
  const end = text.length - (text.length % BLOCK_BYTES)
  let hash = 0
  let at = 0
  // ASCII is its own UTF-8. Anything else is rarer in names, and starts anew with its bytes: 0.2 µs instead of 0.04.
  for (; at < end; at += BLOCK_BYTES) {
    const a = text.charCodeAt(at)
    const b = text.charCodeAt(at + 1)
    const c = text.charCodeAt(at + 2)
    const d = text.charCodeAt(at + 3)
    if ((a | b | c | d) >= FIRST_NON_ASCII) return hashBytes(Buffer.from(text))
    hash = withBlock(hash, a | (b << 8) | (c << 16) | (d << 24))
  }
  let tail = 0
  for (let shift = 0; at < text.length; at += 1, shift += 8) {
    const code = text.charCodeAt(at)
    if (code >= FIRST_NON_ASCII) return hashBytes(Buffer.from(text))
    tail |= code << shift
  }
  return finished(hash ^ scrambled(tail), text.length)
}

function hashBytes(bytes: Buffer): number {
  const end = bytes.length - (bytes.length % BLOCK_BYTES)
  let hash = 0
  for (let at = 0; at < end; at += BLOCK_BYTES) hash = withBlock(hash, bytes.readInt32LE(at))
  const tail = end < bytes.length ? bytes.readUIntLE(end, bytes.length - end) : 0
  return finished(hash ^ scrambled(tail), bytes.length)
}

function withBlock(hash: number, block: number): number {
  return (Math.imul(rotated(hash ^ scrambled(block), 13), 5) + 0xe6546b64) | 0
}

const scrambled = (block: number): number => Math.imul(rotated(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593)

const rotated = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

/** Every bit of the input changes every bit of the result in about half of all cases. */
function finished(hash: number, lengthBytes: number): number {
  let mixed = hash ^ lengthBytes
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
