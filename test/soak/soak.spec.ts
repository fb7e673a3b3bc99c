/** The short form of `npm run soak`: two minutes of it, with one seed, so that no change is refused for another's luck. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { drawSoak } from './draw-soak.js'
import { formatSoak } from './format-soak.js'
import { runSoak } from './run-soak.js'
import { LEAST_VISITS, SHORT_FORM } from './soak-forms.js'

const DURATION_MS = 120_000
const SEED = 1

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()), 60_000)
afterAll(() => sources.remove())

test('a server in use loses nothing and stops growing', { timeout: 300_000 }, async () => {
  const main = join(sources.folder, 'main.js')
  const report = await runSoak({ ...SHORT_FORM, seed: SEED, durationMs: DURATION_MS, main })
  console.log(formatSoak(report))
  expect([...report.violations, ...report.faults], formatSoak(report)).toEqual([])
  expect(report.figures.acknowledged).toBeGreaterThan(100)
  expect(report.visits).toBeGreaterThan(LEAST_VISITS)
  expect(await drawSoak(report.samples)).toContain('<svg')
})
