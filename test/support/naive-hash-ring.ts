/**
 * A slow, obvious twin of the hash and of the ring, to test and to measure the fast ones against: bigints, every point
 * looked at. Shares nothing with them.
 */
const CIRCLE = 2 ** 32

export interface NaivePoint {
  readonly at: number
  readonly node: string
}

export function naivePoints(nodes: readonly string[], virtualNodes: number): NaivePoint[] {
  return nodes.flatMap((node) =>
    Array.from({ length: virtualNodes }, (_, n) => ({ at: naiveHash(`${node}#${n}`), node })),
  )
}

/** All nodes, the owner first. */
export function naiveOwnersOf(points: readonly NaivePoint[], key: string): string[] {
  const hash = naiveHash(key)
  const byDistance = points.toSorted((one, other) => {
    const nearer = distance(hash, one) - distance(hash, other)
    return nearer === 0 ? (one.node < other.node ? -1 : 1) : nearer
  })
  return [...new Set(byDistance.map(({ node }) => node))]
}

/** As `naiveOwnersOf` without sorting. */
export function naiveOwnerOf(points: readonly NaivePoint[], key: string): string | undefined {
  const hash = naiveHash(key)
  let nearest: NaivePoint | undefined
  for (const point of points) {
    if (nearest === undefined) nearest = point
    const nearer = distance(hash, point) - distance(hash, nearest)
    if (nearer < 0 || (nearer === 0 && point.node < nearest.node)) nearest = point
  }
  return nearest?.node
}

const distance = (hash: number, { at }: NaivePoint): number => (at - hash + CIRCLE) % CIRCLE

const U32 = 0xffff_ffffn
const times = (one: bigint, other: bigint): bigint => (one * other) & U32
const rotate = (word: bigint, bits: bigint): bigint => ((word << bits) | (word >> (32n - bits))) & U32
const scramble = (block: bigint): bigint => times(rotate(times(block, 0xcc9e2d51n), 15n), 0x1b873593n)

/** MurmurHash3_x86_32 with seed 0, as Wikipedia writes it down. */
export function naiveHash(text: string): number {
  const bytes = [...Buffer.from(text, 'utf8')]
  const words: bigint[] = []
  for (let at = 0; at < bytes.length; at += 4) {
    words.push(bytes.slice(at, at + 4).reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n))
  }
  const tail = bytes.length % 4 === 0 ? undefined : words.pop()
  let hash = 0n
  for (const word of words) hash = (times(rotate(hash ^ scramble(word), 13n), 5n) + 0xe6546b64n) & U32
  if (tail !== undefined) hash ^= scramble(tail)
  hash ^= BigInt(bytes.length)
  hash = times(hash ^ (hash >> 16n), 0x85ebca6bn)
  hash = times(hash ^ (hash >> 13n), 0xc2b2ae35n)
  return Number(hash ^ (hash >> 16n))
}
