/**
 * `npm run soak [-- --minutes N] [--seed N] [--save]`: a server under every kind of use, half an hour unless told otherwise.
 * `--save` writes the report and its plot to `docs/soak`. Exit codes: 0 nothing lost and nothing growing, 1 not so, 2 usage.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeCommit } from '../../bench/provenance.js'
import { drawSoak } from './draw-soak.js'
import { formatSoak } from './format-soak.js'
import { runSoak } from './run-soak.js'
import { LONG_FORM } from './soak-forms.js'

/** Seen from where this is compiled to: `bench/.build/test/soak`. */
const RESULTS = new URL('../../../../docs/soak/', import.meta.url)

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed)
if (!(minutes >= 1) || !Number.isInteger(seed)) {
  console.error('usage: npm run soak -- [--minutes N] [--seed N] [--save]')
  process.exit(2)
}
// Through 'exit', so that the server ends with this.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

console.log(`seed ${seed}`)
const progress = (line: string): void => console.error(line)
const report = await runSoak({ ...LONG_FORM, seed, durationMs: minutes * 60_000, progress })
console.log(formatSoak(report))
if (values.save) {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(new URL('soak.txt', RESULTS), `commit ${describeCommit()}\n${formatSoak(report)}\n`)
  writeFileSync(new URL('soak.svg', RESULTS), await drawSoak(report.samples))
}
process.exit(report.violations.length + report.faults.length > 0 ? 1 : 0)
