/**
 * `npm run test:torture [-- --short] [--seed N] [--kills N] [--save]`: kills the server at random moments and says whether
 * anything was lost. `--save` writes the report of a long run to `docs/torture`. Exit codes: 0 nothing, 1 violations, 2 usage.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../bench/machine.js'
import { describeCommit } from '../../bench/provenance.js'
import { formatReport } from './format-report.js'
import { runTorture } from './run-torture.js'

const LONG = { kills: 120, durationMs: 3_600_000 }
const SHORT = { kills: 1_000, durationMs: 50_000 }
/** Seen from where this is compiled to: `bench/.build/test/torture`. */
const REPORTS = new URL('../../../../docs/torture/', import.meta.url)

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    seed: { type: 'string' },
    kills: { type: 'string' },
  },
})
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed)
const kills = values.kills === undefined ? LONG.kills : Number(values.kills)
if (!Number.isInteger(seed) || !Number.isInteger(kills) || (values.short && values.save)) {
  console.error('usage: npm run test:torture -- [--short | --save] [--seed N] [--kills N]')
  process.exit(2)
}
// Through 'exit', so that the server ends with this.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

console.log(`seed ${seed}`)
const extent = values.short ? SHORT : { ...LONG, kills }
const report = await runTorture({ ...extent, seed, progress: (line) => console.error(line) })
console.log(formatReport(report))
if (values.save) {
  mkdirSync(REPORTS, { recursive: true })
  const commit = describeCommit()
  const document = { commit, machine: describeMachine(), ...report }
  writeFileSync(new URL('report.json', REPORTS), `${JSON.stringify(document, undefined, 2)}\n`)
  writeFileSync(new URL('report.txt', REPORTS), `commit ${commit}\n${formatReport(report)}\n`)
}
process.exit(report.violations.length > 0 ? 1 : 0)
