/**
 * `npm run test:torture:cluster [-- --minutes N] [--seed N] [--save]`: kills, freezes and drains the nodes and the NATS servers of a
 * cluster and says whether anything was lost. `--save` writes the report to `docs/torture`. Exit codes: 0 nothing, 1 violations, 2 usage.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../bench/machine.js'
import { describeCommit } from '../../bench/provenance.js'
import { formatClusterReport } from './format-cluster-report.js'
import { runClusterTorture } from './run-cluster-torture.js'

const DEFAULT_MINUTES = 30
const MS_PER_MINUTE = 60_000
/** Seen from where this is compiled to: `bench/.build/test/torture`. */
const REPORTS = new URL('../../../../docs/torture/', import.meta.url)

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: String(DEFAULT_MINUTES) },
    save: { type: 'boolean', default: false },
    seed: { type: 'string' },
  },
})
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed)
const minutes = Number(values.minutes)
if (!Number.isInteger(seed) || !(minutes > 0)) {
  console.error('usage: npm run test:torture:cluster -- [--minutes N] [--seed N] [--save]')
  process.exit(2)
}
// Through 'exit', so that what was started ends with this.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

console.log(`seed ${seed}`)
const durationMs = minutes * MS_PER_MINUTE
const report = await runClusterTorture({ seed, durationMs, progress: (line) => console.error(line) })
console.log(formatClusterReport(report))
if (values.save) {
  mkdirSync(REPORTS, { recursive: true })
  const commit = describeCommit()
  const document = { commit, machine: describeMachine(), ...report }
  writeFileSync(new URL('cluster.json', REPORTS), `${JSON.stringify(document, undefined, 2)}\n`)
  writeFileSync(new URL('cluster.txt', REPORTS), `commit ${commit}\n${formatClusterReport(report)}\n`)
}
process.exit(report.violations.length > 0 ? 1 : 0)
