/** The short form of `npm run test:torture`: a minute of it, with one seed, so that no change is refused for another's luck. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { formatReport } from './format-report.js'
import { runTorture } from './run-torture.js'

const DURATION_MS = 50_000
const TIMEOUT_MS = 180_000
const SEED = 1

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

test('nothing acknowledged is lost by a server that is killed again and again', { timeout: TIMEOUT_MS }, async () => {
  const main = join(sources.folder, 'main.js')
  const report = await runTorture({ seed: SEED, main, kills: 1_000, durationMs: DURATION_MS })
  expect(report.violations, formatReport(report)).toEqual([])
  expect(report.kills).toBeGreaterThan(2)
  expect(report.figures.acknowledged).toBeGreaterThan(100)
  expect(report.figures.roomsResumedWhole).toBeGreaterThan(10)
})
