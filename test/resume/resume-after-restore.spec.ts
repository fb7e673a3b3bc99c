/** The store is set back to a backup: rooms are as they were then, and nobody's past is mixed with another. */
import { join as pathOf } from 'node:path'
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { GapReason, ResumeOutcome } from '../../src/protocol/packets.js'
import { temporaryFolder } from '../auth/key-files.js'
import { cli } from '../cli/cli-harness.js'
import { startChat } from '../support/chat-harness.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'

async function startOn(dataDir: string) {
  const chat = await startChat({ NESTWIRE_DATA_DIR: dataDir, NESTWIRE_PRESENCE_INTERVAL_MS: '60000' })
  const users: ChatUser[] = []
  const keep = (user: ChatUser): ChatUser => {
    users.push(user)
    return user
  }
  return {
    login: async (name: string) =>
      keep(await ChatUser.login(chat.port, await chat.tokenOf(name), hello({ features: Feature.Resume }))),
    comeBack: async (earlier: ChatUser) => keep(await ChatUser.comeBack(chat.port, earlier)),
    /** Hangs up first: time stands still, and the server would wait for the clients. */
    stop: () => {
      for (const user of users) user.end()
      return chat.close()
    },
  }
}

const texts = async (user: ChatUser, room: string): Promise<readonly string[]> => {
  const { records } = (await user.request('chat.history', { room })) as {
    records: { kind: string; body: Uint8Array }[]
  }
  return records.filter(({ kind }) => kind === 'text').map(({ body }) => Buffer.from(body).toString())
}

test('rooms are those of the backup, and who knows more is told of another epoch', async () => {
  const dataDir = await temporaryFolder()
  const backup = pathOf(await temporaryFolder(), 'backup')
  const before = await startOn(dataDir)
  const [alice, bob] = [await before.login('alice'), await before.login('bob')]
  const { epoch } = await alice.join('lobby')
  await bob.join('lobby')
  await alice.request('rooms.ban', { room: 'lobby', user: 'mallory' })
  await alice.says('lobby', 'before')
  await bob.hears('lobby', ['before'])
  await alice.hears('lobby', ['+bob', 'before'])
  await before.stop()
  expect(await cli(['store', 'backup', backup, '--data-dir', dataDir])).toMatchObject({ exitCode: 0 })

  const between = await startOn(dataDir)
  const later = await between.comeBack(alice)
  await later.showsTicket()
  const carol = await between.login('carol')
  await carol.join('lobby')
  await later.says('lobby', 'after')
  await later.hears('lobby', ['+carol', 'after'])
  await between.stop()
  expect(await cli(['store', 'restore', backup, '--data-dir', dataDir, '--replace'])).toMatchObject({ exitCode: 0 })

  const after = await startOn(dataDir)
  const [ahead, level] = [await after.comeBack(later), await after.comeBack(bob)]
  for (const user of [ahead, level]) {
    const gap = await user.find(({ kind }) => kind === 'gap')
    expect(gap).toMatchObject({ room: 'lobby', reason: GapReason.EpochChanged })
    expect(gap).not.toMatchObject({ epoch })
    expect(user.granted).toMatchObject({ rooms: [{ outcome: ResumeOutcome.Gap }] })
  }
  expect(await texts(ahead, 'lobby')).toEqual(['before'])
  expect(await ahead.request('rooms.info', { room: 'lobby' })).toMatchObject({ owner: 'alice', members: 2 })
  expect((await after.comeBack(carol)).granted).toMatchObject({ rooms: [{ outcome: ResumeOutcome.NotAMember }] })
  expect(await (await after.login('mallory')).refusal('rooms.join', { room: 'lobby' })).toBe('BANNED')
  await level.says('lobby', 'and on')
  for (const user of [ahead, level]) await user.hears('lobby', ['and on'])
  await after.stop()
})
