/** The process that gave the ticket is gone, and another one on the same folder takes it. */
import { join as pathOf } from 'node:path'
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { ResumeOutcome } from '../../src/protocol/packets.js'
import { temporaryFolder } from '../auth/key-files.js'
import { fillDiskUnder } from '../support/broken-disk.js'
import { startChat } from '../support/chat-harness.js'
import { ChatUser, resume } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'

const greeting = hello({ features: Feature.Resume })

async function startOn(dataDir: string, env: Record<string, string> = {}) {
  const chat = await startChat({ NESTWIRE_DATA_DIR: dataDir, NESTWIRE_PRESENCE_INTERVAL_MS: '60000', ...env })
  const users: ChatUser[] = []
  const keep = (user: ChatUser): ChatUser => {
    users.push(user)
    return user
  }
  return {
    ...chat,
    login: async (name: string) => keep(await ChatUser.login(chat.port, await chat.tokenOf(name), greeting)),
    comeBack: async (earlier: ChatUser) => keep(await ChatUser.comeBack(chat.port, earlier)),
    refusedFor: async ({ ticket }: ChatUser) => {
      const user = keep(await ChatUser.greetedForResume(chat.port))
      return user.refusalOf((correlation) => resume(ticket, [], correlation))
    },
    /** Hangs up first: time stands still, and the server would wait for the clients. */
    stop: () => {
      for (const user of users) user.end()
      return chat.close()
    },
  }
}

test('sessions, rooms and what was missed are there again', async () => {
  const dataDir = await temporaryFolder()
  const before = await startOn(dataDir)
  const [alice, bob] = [await before.login('alice'), await before.login('bob')]
  await alice.join('lobby')
  await bob.join('lobby')
  await alice.hears('lobby', ['+bob'])
  bob.reset()
  await alice.says('lobby', 'bob is away')
  await alice.hears('lobby', ['bob is away'])
  await before.stop()

  const after = await startOn(dataDir)
  const [again, too] = [await after.comeBack(alice), await after.comeBack(bob)]
  expect(again.granted).toMatchObject({ session: alice.granted?.session, rooms: [{ outcome: ResumeOutcome.Whole }] })
  expect(too.granted).toMatchObject({ session: bob.granted?.session, rooms: [{ outcome: ResumeOutcome.Whole }] })
  await too.hears('lobby', ['bob is away'])
  await again.says('lobby', 'here we are')
  for (const user of [again, too]) await user.hears('lobby', ['here we are'])
  await after.stop()
})

test('a ticket that was used up is refused by the next process, a revoked one, too', async () => {
  const dataDir = await temporaryFolder()
  const before = await startOn(dataDir)
  const [alice, bob] = [await before.login('alice'), await before.login('bob')]
  const again = await before.comeBack(alice)
  await again.showsTicket()
  const root = await before.connect('root', { role: 'admin' })
  await root.request('auth.revoke', { session: bob.granted?.session })
  root.end()
  await before.stop()

  const after = await startOn(dataDir)
  expect(await after.refusedFor(alice)).toBe('TICKET_INVALID')
  expect(await after.refusedFor(bob)).toBe('TICKET_INVALID')
  expect((await after.comeBack(again)).granted?.session).toBe(alice.granted?.session)
  await after.stop()
})

test('with another secret every ticket is refused', async () => {
  const dataDir = await temporaryFolder()
  const before = await startOn(dataDir)
  const alice = await before.login('alice')
  await before.stop()
  const after = await startOn(dataDir, { NESTWIRE_TICKET_SECRET: 'a secret that this server never had' })
  expect(await after.refusedFor(alice)).toBe('TICKET_INVALID')
  await after.stop()
})

test('a log in memory forgets rooms but not who somebody is', async () => {
  const dataDir = await temporaryFolder()
  const env = { NESTWIRE_LOG_ENGINE: 'memory' }
  const before = await startOn(dataDir, env)
  const alice = await before.login('alice')
  await alice.join('lobby')
  await before.stop()
  const after = await startOn(dataDir, env)
  const again = await after.comeBack(alice)
  expect(again.granted).toMatchObject({ session: alice.granted?.session })
  expect(again.granted).toMatchObject({ rooms: [{ room: 'lobby', outcome: ResumeOutcome.NotAMember }] })
  await after.stop()
})

test('while the disk takes nothing a resume is refused with a code, and the token is good', async () => {
  const dataDir = await temporaryFolder()
  const chat = await startOn(dataDir)
  const alice = await chat.login('alice')
  alice.reset()
  await expect.poll(chat.sessionCount).toBe(0)
  await fillDiskUnder(pathOf(dataDir, 'log'))
  const user = await ChatUser.greetedForResume(chat.port)
  const code = await user.refusalOf((correlation) => resume(alice.ticket, [], correlation))
  expect(['COMMIT_FAILED', 'LOG_UNAVAILABLE']).toContain(code)
  await user.authenticate(await chat.tokenOf('alice'))
  user.end()
  await chat.stop()
})
