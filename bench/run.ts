/**
 * `npm run bench -- <suite> [--quick] [--json] [--save]`: one suite, one document on stdout, everything else on stderr.
 * `npm run bench -- report`: what was saved, as `docs/BENCHMARKS.md`.
 * Exit codes: 0 measured, 1 the suite failed, 2 it was not understood what to run.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine } from './machine.js'
import { describeProvenance } from './provenance.js'
import type { Suite } from './suite.js'
import { avalanche } from './suites/avalanche.js'
import { burst } from './suites/burst.js'
import { cluster } from './suites/cluster.js'
import { codec } from './suites/codec.js'
import { control } from './suites/control.js'
import { fairness } from './suites/fairness.js'
import { fanout } from './suites/fanout.js'
import { fiftyThousand } from './suites/fifty-thousand.js'
import { frozen } from './suites/frozen.js'
import { jitter } from './suites/jitter.js'
import { log } from './suites/log.js'
import { memory } from './suites/memory.js'
import { ring } from './suites/ring.js'
import { rolling } from './suites/rolling.js'
import { rpc } from './suites/rpc.js'
import { scale } from './suites/scale.js'
import { smoke } from './suites/smoke.js'
import { state } from './suites/state.js'
import { storm } from './suites/storm.js'
import { tls } from './suites/tls.js'
import { formatOutcome } from './table.js'

const suites: Readonly<Record<string, Suite>> = {
  avalanche,
  burst,
  cluster,
  codec,
  control,
  fairness,
  fanout,
  'fifty-thousand': fiftyThousand,
  frozen,
  jitter,
  log,
  memory,
  ring,
  rolling,
  rpc,
  scale,
  smoke,
  state,
  storm,
  tls,
}

/** Seen from where this is compiled to: `bench/.build/bench`. */
const RESULTS = new URL('../../results/', import.meta.url)
const DOCS = new URL('../../../docs/', import.meta.url)

const USAGE = `usage: npm run bench -- <suite> [--quick] [--json] [--save]
       npm run bench -- --list
       npm run bench -- report
  --quick  for a look; tells on stderr if it took more than 45 s
  --json   one JSON document instead of a table
  --save   also write bench/results/<suite>.json; not with --quick`

const QUICK_LIMIT_S = 45

class UsageError extends Error {}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        list: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        save: { type: 'boolean', default: false },
      },
    })
    if (values.save && values.quick) throw new UsageError('a quick run is not worth saving')
    return { ...values, names: positionals }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function main(): Promise<void> {
  const { list, quick, json, save, names } = readArguments()
  if (list) {
    for (const [name, { question }] of Object.entries(suites)) console.log(`${name.padEnd(14)}  ${question}`)
    return
  }
  const [name = '', ...rest] = names
  if (name === 'report' && rest.length === 0) {
    console.log(await writeReport())
    return
  }
  const suite = Object.hasOwn(suites, name) ? suites[name] : undefined
  if (suite === undefined || rest.length > 0) throw new UsageError(`which suite? ${Object.keys(suites).join(', ')}`)
  const startMs = performance.now()
  const outcome = await suite.run({ isQuick: quick, progress: (line) => console.error(`${name}: ${line}`) })
  const elapsedS = (performance.now() - startMs) / 1_000
  const { params, rows, ratios, failures } = outcome
  const [machine, provenance] = [describeMachine(), describeProvenance()]
  const document = { suite: name, machine, provenance, params: { quick, ...params }, rows, ratios }
  if (save) {
    mkdirSync(RESULTS, { recursive: true })
    writeFileSync(new URL(`${name}.json`, RESULTS), `${JSON.stringify(document, undefined, 2)}\n`)
  }
  console.log(json ? JSON.stringify(document) : formatOutcome(outcome))
  // No failure: on a slow machine the figures are as good as any.
  if (quick && elapsedS > QUICK_LIMIT_S) {
    console.error(`${name}: took ${elapsedS.toFixed()} s; a quick run is to take less than ${QUICK_LIMIT_S} s`)
  }
  for (const failure of failures) console.error(`${name}: FAILED: ${failure}`)
  if (failures.length > 0) process.exitCode = 1
}

/** The page's path. The renderer is loaded here, so that no suite measures with it in memory. */
async function writeReport(): Promise<string> {
  const { renderReport } = await import('./report/render-report.js')
  const questions = Object.fromEntries(Object.entries(suites).map(([name, { question }]) => [name, question]))
  return renderReport({ resultsFolder: fileURLToPath(RESULTS), docsFolder: fileURLToPath(DOCS), questions })
}

// Each process that a suite started listens for the end of this one.
process.setMaxListeners(0)
// Through 'exit', so that the processes this one started end with it.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

try {
  await main()
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n${USAGE}`)
    process.exitCode = 2
  } else {
    console.error(error)
    process.exitCode = 1
  }
}
