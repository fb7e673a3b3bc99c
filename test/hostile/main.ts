/**
 * `npm run hostile [-- --only WORD] [--short] [--save]`: each attack in its long form, on a server of its own with the default
 * deadlines. `--save` writes the results to `docs/hostile`. Exit codes: 0 all is as it has to be, 1 it is not, 2 usage.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../bench/machine.js'
import { describeCommit } from '../../bench/provenance.js'
import { attacks } from './attacks.js'
import { describeVerdict, judge, LONG_BOUNDS, SHORT_BOUNDS } from './judgement.js'
import { settingsOf } from './settings.js'
import { Stage, type Verdict } from './stage.js'

/** Seen from where this is compiled to: `bench/.build/test/hostile`. */
const RESULTS = new URL('../../../../docs/hostile/', import.meta.url)

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
})
const chosen = attacks.filter(({ name }) => name.includes(values.only))
if (chosen.length === 0 || (values.save && chosen.length < attacks.length)) {
  console.error('usage: npm run hostile -- [--only WORD | --save] [--short]')
  process.exit(2)
}
// Through 'exit', so that the server ends with this.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

const isLong = !values.short
const bounds = isLong ? LONG_BOUNDS : SHORT_BOUNDS
/** Of the last minute: what else the machine had to do is part of what the honest waited for. */
const load = (): string => `load average ${loadavg()[0]?.toFixed(1)}`
const lines: string[] = [`commit ${describeCommit()}`, JSON.stringify(describeMachine()), `before: ${load()}`]
let wrongs = 0
/** What the honest wait while a core is busy and nothing is sent. */
let controlP99Ms: number | undefined
function describe(verdict: Verdict): string {
  const { isControl, quiet, attacked } = verdict
  const times = [`${(attacked.p99Ms / quiet.p99Ms).toFixed(1)} × quiet`]
  if (!isControl && controlP99Ms !== undefined)
    times.push(`${(attacked.p99Ms / controlP99Ms).toFixed(1)} × the control`)
  return `${describeVerdict(verdict)}; p99 ${times.join(', ')}`
}
for (const attack of chosen) {
  const { isOverTls = false, isDeadlineAwaited = false } = attack
  const stage = await Stage.open({ settings: settingsOf({ isLong, isDeadlineAwaited }), isLong, isOverTls })
  const { verdicts, wrongs: found } = await judge(() => stage.perform(attack), bounds)
  await stage.close()
  wrongs += found.length
  if (attack.isControl) controlP99Ms = verdicts[0]?.attacked.p99Ms
  for (const line of [...verdicts.map(describe), ...found.map((wrong) => `  WRONG ${wrong}`)]) {
    console.log(line)
    lines.push(line)
  }
}
lines.push(`after: ${load()}`)
if (values.save) {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(new URL('results.txt', RESULTS), `${lines.join('\n')}\n`)
}
process.exit(wrongs > 0 ? 1 : 0)
