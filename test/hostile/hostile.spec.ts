/**
 * Each attack in its short form, one after the other on a server, and one with TLS; those that wait for a deadline
 * on servers where it is short. `npm run hostile` has the long ones, and the control beside them, of which nothing could be wrong.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isOpensslMissing } from '../support/certificate-authority.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import type { Attack } from './attack.js'
import { attacks } from './attacks.js'
import { describeVerdict, judge, SHORT_BOUNDS } from './judgement.js'
import { settingsOf } from './settings.js'
import { Stage } from './stage.js'

let sources: CompiledSources
beforeAll(async () => {
  sources = await compileSources('bench', 'test/hostile', 'test/support', 'test/faults')
}, 60_000)
afterAll(() => sources.remove())

interface Chosen {
  readonly isOverTls: boolean
  readonly isDeadlineAwaited: boolean
}

function performAll({ isOverTls, isDeadlineAwaited }: Chosen): void {
  const isChosen = (attack: Attack): boolean =>
    attack.isControl !== true &&
    (attack.isOverTls === true) === isOverTls &&
    (attack.isDeadlineAwaited === true) === isDeadlineAwaited
  let stage: Stage
  beforeAll(async () => {
    const main = join(sources.folder, 'main.js')
    const crowdWorker = pathToFileURL(join(sources.root, 'test/hostile/crowd-worker.js'))
    const settings = settingsOf({ isLong: false, isDeadlineAwaited })
    stage = await Stage.open({ main, crowdWorker, settings, isLong: false, isOverTls })
  }, 60_000)
  afterAll(() => stage.close(), 60_000)

  for (const attack of attacks.filter(isChosen)) {
    test(`the honest chat on, and memory is bounded: ${attack.name}`, { timeout: 240_000 }, async () => {
      const { verdicts, wrongs } = await judge(() => stage.perform(attack), SHORT_BOUNDS)
      for (const verdict of verdicts) console.log(describeVerdict(verdict))
      expect(wrongs).toEqual([])
    })
  }
}

describe('in plain text', () => {
  performAll({ isOverTls: false, isDeadlineAwaited: false })
})

describe('in plain text, until a deadline has passed', () => {
  performAll({ isOverTls: false, isDeadlineAwaited: true })
})

describe.skipIf(isOpensslMissing)('over TLS', () => {
  performAll({ isOverTls: true, isDeadlineAwaited: false })
})

describe.skipIf(isOpensslMissing)('over TLS, until a deadline has passed', () => {
  performAll({ isOverTls: true, isDeadlineAwaited: true })
})
