/** The short form of `npm run soak`: half a minute of it, with another seed each time. */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { drawSoak } from './draw-soak.js'
import { formatSoak } from './format-soak.js'
import { runSoak } from './run-soak.js'
import { SHORT_FORM } from './soak-forms.js'

const DURATION_MS = 20_000

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()), 60_000)
afterAll(() => sources.remove())

test('a server in use loses nothing and stops growing', { timeout: 180_000 }, async () => {
  const seed = randomInt(2 ** 32)
  console.log(`soak: seed ${seed}`)
  const report = await runSoak({ ...SHORT_FORM, seed, durationMs: DURATION_MS, main: join(sources.folder, 'main.js') })
  console.log(formatSoak(report))
  expect([...report.violations, ...report.faults], formatSoak(report)).toEqual([])
  expect(report.figures.acknowledged).toBeGreaterThan(100)
  expect(report.visits).toBeGreaterThan(10)
  expect(await drawSoak(report.samples)).toContain('<svg')
})
