/** Lookups and builds, by the ring and by its naive twin; lookups by rendezvous hashing, too. */
import { HashRing } from '../../src/cluster/hash-ring.js'
import { stableHash } from '../../src/cluster/stable-hash.js'
import { naiveOwnerOf, naivePoints } from '../../test/support/naive-hash-ring.js'
import { nodeId } from '../../test/support/ring-shares.js'
import { repeated, type Work } from '../codec/work.js'

/** More than a processor remembers the branches of. */
const KEYS = Array.from({ length: 10_000 }, (_, at) => `user-${at}`)
const RENDEZVOUS_LOOKUPS = 1_000
const NAIVE_LOOKUPS = 20

export interface RingCase {
  readonly nodes: number
  readonly contestants: Readonly<Record<string, () => Work>>
}

const namesOf = (count: number) => Array.from({ length: count }, (_, at) => nodeId(`node-${at}`))

/** One unit is a lookup. */
export const lookupCase = (nodes: number, virtualNodes: number): RingCase => ({
  nodes,
  contestants: {
    nestwire() {
      const ring = HashRing.of(namesOf(nodes), virtualNodes)
      return lookups(KEYS, (key) => ring.ownerOf(key))
    },
    naive() {
      const points = naivePoints(namesOf(nodes), virtualNodes)
      return lookups(KEYS.slice(0, NAIVE_LOOKUPS), (key) => naiveOwnerOf(points, key))
    },
    rendezvous() {
      const names = namesOf(nodes)
      return lookups(KEYS.slice(0, RENDEZVOUS_LOOKUPS), (key) => rendezvousOf(names, key))
    },
  },
})

/** One unit is a ring. */
export const buildCase = (nodes: number, virtualNodes: number): RingCase => ({
  nodes,
  contestants: {
    nestwire: () => repeated(1, () => HashRing.of(namesOf(nodes), virtualNodes)),
    naive: () => repeated(1, () => naivePoints(namesOf(nodes), virtualNodes)),
  },
})

/** No ring: whose hash together with the key is the greatest. */
function rendezvousOf(names: readonly string[], key: string): string | undefined {
  let [owner, greatest]: [string | undefined, number] = [undefined, -1]
  for (const name of names) {
    const hash = stableHash(`${name}#${key}`)
    if (hash > greatest) [owner, greatest] = [name, hash]
  }
  return owner
}

function lookups(keys: readonly string[], ownerOf: (key: string) => string | undefined): Work {
  return {
    units: keys.length,
    run() {
      let last: unknown
      for (const key of keys) last = ownerOf(key)
      return last
    },
  }
}
