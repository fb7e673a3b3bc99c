/** The same folder under one process after the other, through the public door. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadSettings, type Environment } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { StartUpError } from '../../src/config/start-up-error.js'
import { LmdbRoomLog } from '../../src/log/lmdb/lmdb-room-log.js'
import { temporaryFolder } from '../auth/key-files.js'
import { roomId } from '../delivery/names.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import type { ChatUser } from '../support/chat-user.js'
import { ManualClock } from '../support/manual-clock.js'

/** `close` hangs up first: time stands still, and the server would wait for the clients. */
async function startOn(dataDir: string, env: Environment = {}): Promise<Chat> {
  const chat = await startChat({ NESTWIRE_LOG_ENGINE: 'lmdb', NESTWIRE_DATA_DIR: dataDir, ...env })
  const users: ChatUser[] = []
  const connect: Chat['connect'] = async (name, over) => {
    const user = await chat.connect(name, over)
    users.push(user)
    return user
  }
  const close = (): Promise<void> => {
    for (const user of users) user.end()
    return chat.close()
  }
  return { ...chat, connect, close }
}

/** Alice owns the lobby, in which Bob and Carol are; Mallory was banned out of it. */
async function withHistory(dataDir: string, env: Environment = {}): Promise<Chat> {
  const chat = await startOn(dataDir, env)
  const [alice, carol, bob, mallory] = [
    await chat.connect('alice', { username: 'Alice' }),
    await chat.connect('carol'),
    await chat.connect('bob'),
    await chat.connect('mallory'),
  ]
  for (const user of [alice, carol, bob, mallory]) await user.join('lobby')
  await alice.says('lobby', 'hello')
  await alice.request('rooms.ban', { room: 'lobby', user: 'mallory' })
  return chat
}

describe('after a restart', () => {
  test('rooms have their owner, members and bans', async () => {
    const dataDir = await temporaryFolder()
    const before = await withHistory(dataDir)
    const info = await (await before.connect('bob')).request('rooms.info', { room: 'lobby' })
    await before.close()

    const after = await startOn(dataDir)
    const bob = await after.connect('bob')
    expect(await bob.request('rooms.info', { room: 'lobby' })).toEqual({ ...(info as object), online: 0 })
    expect(await bob.request('rooms.members', { room: 'lobby' })).toEqual({
      members: [
        { user: 'alice', username: 'Alice', role: 'owner', online: false },
        { user: 'bob', username: 'bob', role: 'member', online: false },
        { user: 'carol', username: 'carol', role: 'member', online: false },
      ],
      more: false,
    })
    expect(await (await after.connect('mallory')).refusal('rooms.join', { room: 'lobby' })).toBe('BANNED')
  })

  test('members read on and strangers stay out', async () => {
    const dataDir = await temporaryFolder()
    await (await withHistory(dataDir)).close()
    const chat = await startOn(dataDir)
    const [bob, stranger] = [await chat.connect('bob'), await chat.connect('stranger')]
    expect(await bob.request('chat.history', { room: 'lobby' })).toMatchObject({ records: { length: 6 } })
    expect(await stranger.refusal('chat.history', { room: 'lobby' })).toBe('NOT_A_MEMBER')
    expect(await stranger.refusal('rooms.ban', { room: 'lobby', user: 'alice' })).toBe('NOT_A_MEMBER')
    expect(await stranger.request('rooms.join', { room: 'lobby' })).toMatchObject({ role: 'member', members: 4 })
    const alice = await chat.connect('alice')
    expect(await alice.join('lobby')).toMatchObject({ seq: 7, members: 4 })
    await bob.join('lobby')
    await bob.says('lobby', 'and on')
    await alice.hears('lobby', ['and on'])
  })

  test('the member of longest standing follows the owner', async () => {
    const dataDir = await temporaryFolder()
    await (await withHistory(dataDir)).close()
    const second = await startOn(dataDir)
    await (await second.connect('alice')).request('rooms.leave', { room: 'lobby' })
    const carol = await second.connect('carol')
    expect(await carol.request('rooms.info', { room: 'lobby' })).toMatchObject({ owner: 'carol', members: 2 })
    await second.close()
    const third = await startOn(dataDir)
    const bob = await third.connect('bob')
    expect(await bob.request('rooms.info', { room: 'lobby' })).toMatchObject({ owner: 'carol', members: 2 })
  })

  test('rooms that were left by all are gone', async () => {
    const dataDir = await temporaryFolder()
    const before = await withHistory(dataDir)
    for (const name of ['alice', 'bob', 'carol']) {
      await (await before.connect(name)).request('rooms.leave', { room: 'lobby' })
    }
    await before.close()
    const after = await startOn(dataDir)
    const mallory = await after.connect('mallory')
    expect(await mallory.request('rooms.list')).toEqual({ rooms: [], more: false })
    expect(await mallory.request('rooms.join', { room: 'lobby' })).toMatchObject({ role: 'owner', seq: 1 })
    expect(await mallory.request('chat.history', { room: 'lobby' })).toMatchObject({ records: { length: 1 } })
  })

  test('members whose joins were no records are there', async () => {
    const dataDir = await temporaryFolder()
    await (await withHistory(dataDir, { NESTWIRE_ANNOUNCE_MEMBERS_MAX: '1' })).close()
    const chat = await startOn(dataDir)
    const carol = await chat.connect('carol')
    expect(await carol.request('rooms.info', { room: 'lobby' })).toMatchObject({ owner: 'alice', members: 3, seq: 2 })
  })

  test('a lifted ban stays lifted', async () => {
    const dataDir = await temporaryFolder()
    const before = await withHistory(dataDir)
    await (await before.connect('alice')).request('rooms.unban', { room: 'lobby', user: 'mallory' })
    await before.close()
    const mallory = await (await startOn(dataDir)).connect('mallory')
    expect(await mallory.request('rooms.join', { room: 'lobby' })).toMatchObject({ role: 'member' })
  })
})

test('a room in the log that nobody is in shows nothing to whoever founds it', async () => {
  const dataDir = await temporaryFolder()
  await (await withHistory(dataDir)).close()
  const log = await openLogOf(dataDir)
  await log.state.remove(['room', 'lobby'])
  const { epoch, seq } = await log.head(roomId('lobby'))
  expect(seq).toBe(6)
  await log.close()

  const chat = await startOn(dataDir)
  const stranger = await chat.connect('stranger')
  const joined = await stranger.join('lobby')
  expect(joined.seq).toBe(1)
  expect(joined.epoch).not.toBe(epoch)
  expect(await stranger.request('chat.history', { room: 'lobby' })).toMatchObject({ records: [{ kind: 'join' }] })
})

test('an entry that cannot be read stops the start with its name', async () => {
  const dataDir = await temporaryFolder()
  const log = await openLogOf(dataDir)
  await log.state.put(['room', 'lobby'], Buffer.of(99))
  await log.close()
  const failed = startOn(dataDir)
  await expect(failed).rejects.toBeInstanceOf(StartUpError)
  await expect(failed).rejects.toThrow('the entry ["room", "lobby"] in the data folder (NESTWIRE_DATA_DIR)')
})

const openLogOf = (dataDir: string): Promise<LmdbRoomLog> =>
  LmdbRoomLog.open({
    folder: join(dataDir, 'log'),
    settings: new Settings(loadSettings({})),
    clock: new ManualClock(),
  })
