/** Large messages that tell which they are and when they were sent: `index:u32 sentAtMs:f64`, then always the same bytes. */
const INDEX_BYTES = 4
const HEAD_BYTES = 12
const LARGEST_BYTES = 32 * 1024

const FILLER = Buffer.from(Array.from({ length: LARGEST_BYTES - HEAD_BYTES }, (_, at) => (at * 31) % 251))

/** `sentAtMs` in the time of `monotonicMs`; `bytes` in all, from 12 to 32 KiB. */
export function timedMessage(index: number, { sentAtMs, bytes }: { sentAtMs: number; bytes: number }): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(index)
  head.writeDoubleBE(sentAtMs, INDEX_BYTES)
  return Buffer.concat([head, FILLER.subarray(0, bytes - HEAD_BYTES)])
}

/** `undefined` if these are not the bytes of such a message. */
export function readTimedMessage(body: Buffer): { readonly index: number; readonly sentAtMs: number } | undefined {
  const fillerBytes = body.length - HEAD_BYTES
  if (fillerBytes < 0 || body.compare(FILLER, 0, fillerBytes, HEAD_BYTES) !== 0) return undefined
  return { index: body.readUInt32BE(), sentAtMs: body.readDoubleBE(INDEX_BYTES) }
}
