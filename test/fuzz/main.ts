/**
 * `npm run fuzz [-- --minutes N] [--seed N] [--session N] [--save]`: random sessions against the port of a real server. A
 * fault names its session; `--session` plays that one alone. `--save` writes the report to `docs/hostile`. Exit codes: 0 no
 * fault, 1 faults, 2 usage.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeCommit } from '../../bench/provenance.js'
import { formatFuzz } from './format-fuzz.js'
import { runFuzz } from './run-fuzz.js'

/** Seen from where this is compiled to: `bench/.build/test/fuzz`. */
const RESULTS = new URL('../../../../docs/hostile/', import.meta.url)

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string' },
    session: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed)
const session = values.session === undefined ? undefined : Number(values.session)
if (
  !(minutes > 0) ||
  !Number.isInteger(seed) ||
  (session !== undefined && (!Number.isInteger(session) || values.save))
) {
  console.error('usage: npm run fuzz -- [--minutes N] [--seed N] [--session N | --save]')
  process.exit(2)
}
// Through 'exit', so that the server ends with this.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

console.log(`seed ${seed}`)
const progress = (line: string): void => console.error(line)
const only = session === undefined ? {} : { session }
const report = await runFuzz({ seed, durationMs: minutes * 60_000, ...only, progress })
console.log(formatFuzz(report))
if (values.save) {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(new URL('fuzz.txt', RESULTS), `commit ${describeCommit()}\n${formatFuzz(report)}\n`)
}
process.exit(report.faults.length > 0 ? 1 : 0)
