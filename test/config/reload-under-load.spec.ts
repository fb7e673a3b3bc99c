/** A thousand reloads while people talk: nobody loses a word or the connection, and nothing stays behind. */
import { writeFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { settingsDigest } from '../../src/config/settings-diff.js'
import { temporaryFile } from '../auth/key-files.js'
import { ChatUser } from '../support/chat-user.js'
import { runApp } from '../support/running-app.js'
import { linesOf, type FileSettings } from './config-file-app.js'

vi.setConfig({ testTimeout: 90_000 })

const RELOADS = 1_000
/** Every tenth is one that cannot be. */
const versions: readonly FileSettings[] = Array.from({ length: 10 }, (_, index) => ({
  NESTWIRE_MAX_FRAME_BYTES: String(40_000 + index * 1_000),
  NESTWIRE_LANE_MAX_MESSAGES: String(1_000 + index),
  NESTWIRE_PING_INTERVAL_MS: String(20_000 + index),
  NESTWIRE_MAX_ROOMS: index === 9 ? 'many' : String(1_000 + index),
  NESTWIRE_HISTORY_MAX_RECORDS: String(100_000 + index),
}))

/** Says one thing after the other until it is told to stop; returns how many. */
async function talks(user: ChatUser, isOver: () => boolean): Promise<number> {
  let said = 0
  for (; !isOver(); said += 1) await user.says('lobby', `${said} ${'x'.repeat(said % 500)}`)
  return said
}

async function collected(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 3; round += 1) {
    await new Promise(setImmediate)
    collect()
  }
}

test('1,000 reloads under load drop no message and leave nothing behind', async () => {
  const path = await temporaryFile('# nothing\n')
  const {
    app: _app,
    address,
    tokenOf,
    reload,
    settings,
    server,
  } = await runApp({
    NESTWIRE_CONFIG_FILE: path,
    NESTWIRE_LOG_ENGINE: 'memory',
  })
  const users = await Promise.all(
    ['alice', 'bob', 'carol'].map(async (name) => ChatUser.login(address.port, await tokenOf(name))),
  )
  for (const user of users) await user.join('lobby')
  let isOver = false
  const talking = users.map((user) => talks(user, () => isOver))
  const olderSettings: WeakRef<object>[] = []
  for (let count = 1; count <= RELOADS; count += 1) {
    await writeFile(path, linesOf(versions[count % 10] ?? {}))
    const result = await reload.run('admin')
    expect([result.isOk, settingsDigest(settings.current)]).toEqual([count % 10 !== 9, result.digest])
    olderSettings.push(new WeakRef(settings.current))
  }
  isOver = true
  const said = await Promise.all(talking)
  const total = said.reduce((sum, count) => sum + count, 0)
  expect(Math.min(...said)).toBeGreaterThan(10)
  // `records` checks that each follows the one before. The joins of those who came later are records, too.
  for (const [index, user] of users.entries()) await user.records('lobby', total + users.length - 1 - index)
  for (const user of users) await user.settled()
  expect(server.connectionCount).toBe(3)
  // On a machine that stands still for a moment, the watch of the file may add some.
  expect(reload.counts.ok + reload.counts.failed).toBeGreaterThanOrEqual(RELOADS)
  await collected()
  expect(olderSettings.filter((older) => older.deref() !== undefined).length).toBeLessThan(10)
})
