/** The table that was published for the design this server replaces, beside what was measured here. */
import { OURS, type Row } from '../suite.js'
import { markdownTable, type Cell } from './markdown-table.js'
import type { ResultDocument } from './result-document.js'

const PUBLISHED = [
  { members: 100, ms: '1.2 ms', memory: '45 MB', cpu: '3 %' },
  { members: 1_000, ms: '8.7 ms', memory: '128 MB', cpu: '22 %' },
  { members: 10_000, ms: '65.4 ms', memory: '890 MB', cpu: '85 %' },
  { members: 50_000, ms: '420 ms', memory: '3.2 GB', cpu: '98 %' },
] as const

/** A process holds fewer than 20,000 descriptors here. */
const MOST_ON_ONE_NODE = 19_000

const COLUMNS = ['connections', 'broadcast, published', 'ours', 'memory, published', 'ours', 'CPU, published', 'ours']

/** All of `fanout`, and 50,000 of `fifty-thousand`; where `fanout` tells no memory, that of `memory`. */
export function publishedTable(documents: readonly ResultDocument[]): string {
  const rowsOf = (suite: string): readonly Row[] => documents.find((each) => each.suite === suite)?.rows ?? []
  const [fanout, memory, cluster] = [rowsOf('fanout'), rowsOf('memory'), rowsOf('fifty-thousand')]
  const measured = (rows: readonly Row[], members: number, figure: string): Cell =>
    rows.find((row) => row.name === OURS && row['members'] === members && row[figure] !== undefined)?.[figure]
  const ours = (cell: Cell, unit: string): Cell => (cell === undefined ? undefined : `${cell} ${unit}`)
  const lines = PUBLISHED.map(({ members, ms, memory: published, cpu }) => {
    const broadcasts = members > MOST_ON_ONE_NODE ? cluster : fanout
    const peakMb =
      measured(cluster, members, 'totalRssPeakMb') ??
      measured(fanout, members, 'rssPeakMb') ??
      measured(memory, members, 'rssPeakMb')
    return [
      members,
      ms,
      ours(measured(broadcasts, members, 'toLastMsP50'), 'ms'),
      published,
      ours(peakMb, 'MB'),
      cpu,
      ours(measured(broadcasts, members, 'cpuPercent'), '%'),
    ]
  })
  return markdownTable(COLUMNS, lines)
}
