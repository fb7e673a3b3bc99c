/** What the ring costs, beside its naive twin and rendezvous hashing, and how even it is by number of virtual nodes. */
import { DEFAULT_VIRTUAL_NODES } from '../../src/cluster/hash-ring.js'
import { timeWork } from '../codec/work.js'
import { evenness } from '../ring/evenness.js'
import { buildCase, lookupCase, type RingCase } from '../ring/ring-cases.js'
import { interleave } from '../rounds.js'
import { ratiosOf, spread } from '../statistics.js'
import type { Row, Suite } from '../suite.js'

const FULL = { rounds: 9, roundMs: 200, rings: 10_000 }
const QUICK = { rounds: 3, roundMs: 20, rings: 200 }

const NODES = [3, 10, 100]
const BUILT_NODES = 100
const VIRTUAL_NODES = [160, 256, 512, DEFAULT_VIRTUAL_NODES, 2_048]
const NS_PER_MS = 1e6

export const ring: Suite = {
  question: 'ns to find the node of a key, ms to build a ring, and how even rings are',
  async run({ isQuick, progress }) {
    const params = { virtualNodes: DEFAULT_VIRTUAL_NODES, ...(isQuick ? QUICK : FULL) }
    const lookups: Row[] = []
    for (const nodes of NODES) {
      progress(`lookups among ${nodes} nodes`)
      const each = lookupCase(nodes, DEFAULT_VIRTUAL_NODES)
      lookups.push(...(await measure(each, { ...params, toFigures: (nsPerLookup) => ({ nsPerLookup }) })))
    }
    progress(`rings of ${BUILT_NODES} nodes`)
    const toFigures = (ns: number) => ({ msPerBuild: ns / NS_PER_MS })
    const builds = await measure(buildCase(BUILT_NODES, DEFAULT_VIRTUAL_NODES), { ...params, toFigures })
    const balances: Row[] = []
    for (const virtualNodes of VIRTUAL_NODES) {
      progress(`evenness with ${virtualNodes} virtual nodes`)
      balances.push(evenness(virtualNodes, params.rings))
    }
    const ratios = { ...ratiosOf(lookups, ['nsPerLookup'], 'nodes'), ...ratiosOf(builds, ['msPerBuild'], 'nodes') }
    return { params, rows: [...lookups, ...builds, ...balances], ratios, failures: [] }
  },
}

interface Timing {
  readonly rounds: number
  readonly roundMs: number
  readonly toFigures: (ns: number) => Record<string, number>
}

async function measure({ nodes, contestants }: RingCase, { rounds, roundMs, toFigures }: Timing): Promise<Row[]> {
  const works = Object.entries(contestants).map(([name, begin]) => ({ name, work: begin() }))
  const measured = await interleave(works, rounds, ({ work }) => toFigures(timeWork(work, roundMs)))
  return measured.map(({ contestant: { name }, results }) => ({ name, nodes, ...spread(results) }))
}
