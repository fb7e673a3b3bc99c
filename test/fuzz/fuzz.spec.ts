/** The short form of `npm run fuzz`: half a minute of it, with one seed, so that no change is refused for another's luck. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { formatFuzz } from './format-fuzz.js'
import { makeScript } from './fuzz-script.js'
import { runFuzz } from './run-fuzz.js'

const DURATION_MS = 30_000
const SEED = 1

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources('bench', 'test/hostile')), 60_000)
afterAll(() => sources.remove())

test(
  'whatever comes in at the port, the server lives, leaks nothing and serves the others',
  { timeout: 150_000 },
  async () => {
    const main = join(sources.folder, 'main.js')
    const crowdWorker = pathToFileURL(join(sources.root, 'test/hostile/crowd-worker.js'))
    const report = await runFuzz({ seed: SEED, durationMs: DURATION_MS, main, crowdWorker })
    console.log(formatFuzz(report))
    expect(report.faults).toEqual([])
    expect(report.sessions).toBeGreaterThan(50)
  },
)

test('a seed makes the same session each time', () => {
  const material = { tokens: ['a.b.c'], tickets: [Buffer.from('ticket')] } as const
  const bytesOf = (seed: number): string =>
    makeScript(seed, material)
      .map((step) => (step.kind === 'send' ? step.bytes.toString('base64') : JSON.stringify(step)))
      .join('\n')
  for (let seed = 0; seed < 20; seed += 1) expect(bytesOf(seed) === bytesOf(seed)).toBe(true)
  expect(bytesOf(1) === bytesOf(2)).toBe(false)
})
