/** SIGTERM under load, and the next process in the same place; at full size: `npm run bench -- rolling`. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { ReturningCrowd } from '../../bench/load/returning-crowd.js'
import { freePort } from '../../bench/free-port.js'
import { ServerPlace } from '../../bench/server-process.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'

const DRAIN_TIMEOUT_MS = 10_000
const SETTINGS = {
  NESTWIRE_LOG_ENGINE: 'lmdb',
  NESTWIRE_LOG_LEVEL: 'error',
  NESTWIRE_DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS),
}
const CROWD = { dialect: 'nestwire', clients: 180, rooms: 20, messages: 1_000, atOnce: 32 } as const
const CONNECTIONS = CROWD.clients + CROWD.rooms
/** 100 a second over all rooms. */
const MESSAGE_EVERY_MS = 200
const STALL_MS = 30_000

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

test('a drain under load tells everybody, loses nothing and ends in time', { timeout: 120_000 }, async () => {
  const port = await freePort()
  const place = await ServerPlace.make({ main: join(sources.folder, 'main.js'), settings: SETTINGS, port })
  onTestFinished(() => place.close())
  const first = place.run()
  await first.listening
  const anywhere = { localAddress: '127.0.0.1' }
  const crowd = await ReturningCrowd.enter({ ...CROWD, port, secret: place.secret }, () => anywhere)
  onTestFinished(() => crowd.stop())
  const flow = crowd.flow(MESSAGE_EVERY_MS)
  await expect.poll(() => crowd.deliveries, { timeout: 20_000 }).toBeGreaterThan(500)

  const startMs = performance.now()
  first.signal('SIGTERM')
  expect(await first.ended).toBe(0)
  expect(performance.now() - startMs).toBeLessThan(DRAIN_TIMEOUT_MS)

  const second = place.run()
  await second.listening
  const before = crowd.deliveries
  await expect.poll(() => crowd.deliveries, { timeout: 20_000 }).toBeGreaterThan(before + 500)
  crowd.endFlow()
  await flow
  expect(await crowd.collect(STALL_MS)).toMatchObject({
    lost: 0,
    duplicates: 0,
    neverReturned: 0,
    unanswered: 0,
    endedWithoutNotice: 0,
    returns: CONNECTIONS,
    fault: undefined,
  })
})
