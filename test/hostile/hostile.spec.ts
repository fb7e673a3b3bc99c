/**
 * Each attack in its short form, one after the other on a server, and one with TLS: `npm run hostile` has the long ones, and the
 * control beside them, of which nothing could be wrong.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isOpensslMissing } from '../support/certificate-authority.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import type { Attack } from './attack.js'
import { attacks } from './attacks.js'
import { describeVerdict, SHORT_BOUNDS, wrongsWith } from './judgement.js'
import { settingsOf } from './settings.js'
import { Stage } from './stage.js'

let sources: CompiledSources
beforeAll(async () => {
  sources = await compileSources('bench', 'test/hostile', 'test/support', 'test/faults')
}, 60_000)
afterAll(() => sources.remove())

function performAll(chosen: readonly Attack[], isOverTls: boolean): void {
  let stage: Stage
  beforeAll(async () => {
    const main = join(sources.folder, 'main.js')
    const crowdWorker = pathToFileURL(join(sources.root, 'test/hostile/crowd-worker.js'))
    stage = await Stage.open({ main, crowdWorker, settings: settingsOf(false), isLong: false, isOverTls })
  }, 60_000)
  afterAll(() => stage.close(), 60_000)

  for (const attack of chosen) {
    test(`the honest chat on, and memory is bounded: ${attack.name}`, { timeout: 60_000 }, async () => {
      const verdict = await stage.perform(attack)
      console.log(describeVerdict(verdict))
      expect(wrongsWith(verdict, SHORT_BOUNDS)).toEqual([])
    })
  }
}

describe('in plain text', () => {
  performAll(
    attacks.filter(({ isOverTls, isControl }) => isOverTls !== true && isControl !== true),
    false,
  )
})

describe.skipIf(isOpensslMissing)('over TLS', () => {
  performAll(
    attacks.filter(({ isOverTls }) => isOverTls === true),
    true,
  )
})
