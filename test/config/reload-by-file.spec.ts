/** The file changes, however editors and orchestrators do that, and is read when it is whole. */
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LOOK_INTERVAL_MS } from '../../src/config/config-file-watch.js'
import { temporaryFolder } from '../auth/key-files.js'
import { startChat } from '../support/chat-harness.js'
import { linesOf, startConfigured, type ConfiguredChat } from './config-file-app.js'

/** Time passes until that is so. */
const comesTo = async <Value>(chat: Pick<ConfiguredChat, 'clock'>, look: () => Value, value: Value): Promise<void> => {
  const lookLater = (): Value => {
    chat.clock.advance(LOOK_INTERVAL_MS)
    return look()
  }
  await expect.poll(lookLater).toEqual(value)
}

/** The file was looked at since the start, and nothing is left to look at. */
const isAtRest = async (chat: ConfiguredChat, timers: number): Promise<void> =>
  comesTo(chat, () => chat.clock.timers, timers)

const maxRooms = (chat: Pick<ConfiguredChat, 'settings'>) => () => chat.settings.current.rooms.maxRooms

test('a file that was written is read', async () => {
  const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
  await chat.write({ NESTWIRE_MAX_ROOMS: '8' })
  await comesTo(chat, maxRooms(chat), 8)
  expect(chat.reload.last).toMatchObject({ trigger: 'file', isOk: true })
})

test('a file that is written in two steps is read once, whole', async () => {
  const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
  const resting = chat.clock.timers - 1
  await isAtRest(chat, resting)
  const lines = linesOf({ NESTWIRE_MAX_ROOMS: '8', NESTWIRE_MAX_MEMBERS_PER_ROOM: '9' })
  await writeFile(chat.path, lines.slice(0, lines.indexOf('MEMBERS')))
  await expect.poll(() => chat.clock.timers).toBe(resting + 1)
  chat.clock.advance(LOOK_INTERVAL_MS)
  await writeFile(chat.path, lines)
  await comesTo(chat, maxRooms(chat), 8)
  expect([chat.settings.current.rooms.maxMembersPerRoom, chat.reload.counts]).toEqual([9, { ok: 1, failed: 0 }])
  await isAtRest(chat, resting)
  expect(chat.reload.counts).toEqual({ ok: 1, failed: 0 })
})

test('a file that another one replaces is read', async () => {
  const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
  for (const rooms of [8, 9]) {
    await writeFile(`${chat.path}.next`, linesOf({ NESTWIRE_MAX_ROOMS: String(rooms) }))
    await rename(`${chat.path}.next`, chat.path)
    await comesTo(chat, maxRooms(chat), rooms)
  }
})

test('a file behind a link that turns elsewhere is read, as of a ConfigMap', async () => {
  const folder = await temporaryFolder()
  for (const rooms of ['7', '8']) {
    await mkdir(join(folder, rooms))
    await writeFile(join(folder, rooms, 'env'), linesOf({ NESTWIRE_MAX_ROOMS: rooms }))
  }
  await symlink('7', join(folder, '..data'))
  await symlink('..data/env', join(folder, 'env'))
  const chat = await startChat({ NESTWIRE_CONFIG_FILE: join(folder, 'env'), NESTWIRE_LOG_ENGINE: 'memory' })
  await symlink('8', join(folder, '..next'))
  await rename(join(folder, '..next'), join(folder, '..data'))
  await comesTo(chat, maxRooms(chat), 8)
})

test('a file that is deleted is an error, and read when it is back', async () => {
  const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
  await rm(chat.path)
  await comesTo(chat, () => chat.reload.counts.failed, 1)
  expect(chat.settings.current.rooms.maxRooms).toBe(7)
  await chat.write({ NESTWIRE_MAX_ROOMS: '8' })
  await comesTo(chat, maxRooms(chat), 8)
  expect(chat.reload.counts).toEqual({ ok: 1, failed: 1 })
})

test('what else happens in the folder is no reason to read it', async () => {
  const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
  const resting = chat.clock.timers - 1
  await isAtRest(chat, resting)
  await writeFile(`${chat.path}.swp`, 'x')
  await expect.poll(() => chat.clock.timers).toBe(resting + 1)
  await isAtRest(chat, resting)
  expect(chat.reload.counts).toEqual({ ok: 0, failed: 0 })
})

test('a shutdown leaves no watch behind', async () => {
  const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
  await chat.close()
  await chat.write({ NESTWIRE_MAX_ROOMS: '8' })
  chat.clock.advance(10 * LOOK_INTERVAL_MS)
  expect(chat.clock.timers).toBe(0)
})
