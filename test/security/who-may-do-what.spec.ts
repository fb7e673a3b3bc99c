/** The table of `SECURITY.md`, asked pattern by pattern: what each kind of caller is refused, and with which code. */
import { describe, expect, test } from 'vitest'
import type { Role } from '../../src/transport/authentication.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { request, type ChatUser } from '../support/chat-user.js'
import { RawClient, hello } from '../support/raw-client.js'

const ROOM = { room: 'lobby' }
const ABOUT_ALICE = { ...ROOM, user: 'alice' }
const NOBODYS_SESSION = { session: 'AAAAAAAAAAAAAAAAAAAAAA' }

/** The code of the refusal, or `may`. Alice owns the lobby, Bob is a member, Mallory is not, the warden is a service. */
const RIGHTS: Readonly<Record<string, { readonly data: unknown; readonly mallory: string; readonly bob: string }>> = {
  'auth.whoami': { data: {}, mallory: 'may', bob: 'may' },
  'auth.revoke': { data: NOBODYS_SESSION, mallory: 'FORBIDDEN', bob: 'FORBIDDEN' },
  'rooms.list': { data: {}, mallory: 'may', bob: 'may' },
  'rooms.info': { data: ROOM, mallory: 'may', bob: 'may' },
  'rooms.members': { data: ROOM, mallory: 'NOT_A_MEMBER', bob: 'may' },
  'rooms.signal': { data: { ...ROOM, name: 'typing' }, mallory: 'NOT_A_MEMBER', bob: 'may' },
  'rooms.kick': { data: ABOUT_ALICE, mallory: 'NOT_A_MEMBER', bob: 'FORBIDDEN' },
  'rooms.ban': { data: ABOUT_ALICE, mallory: 'NOT_A_MEMBER', bob: 'FORBIDDEN' },
  'rooms.unban': { data: ABOUT_ALICE, mallory: 'NOT_A_MEMBER', bob: 'FORBIDDEN' },
  'chat.send': { data: { ...ROOM, text: 'hi' }, mallory: 'NOT_A_MEMBER', bob: 'may' },
  'chat.history': { data: ROOM, mallory: 'NOT_A_MEMBER', bob: 'may' },
}
/** Open to every user, and tried by tests of their own; those of `cluster` need one. */
const ELSEWHERE = [
  'auth.login',
  'auth.resume',
  'rooms.create',
  'rooms.join',
  'rooms.leave',
  'cluster.nodes',
  'cluster.route',
]

async function lobby(): Promise<Chat & { readonly callers: Readonly<Record<'mallory' | 'bob' | 'warden', ChatUser>> }> {
  const chat = await startChat()
  const as = (user: string, role: Role = 'user') => chat.connect(user, { role })
  const [alice, bob] = [await as('alice'), await as('bob')]
  await alice.join('lobby')
  await bob.join('lobby')
  return { ...chat, callers: { mallory: await as('mallory'), bob, warden: await as('warden', 'service') } }
}

async function outcomeOf(caller: ChatUser, pattern: string, data: unknown): Promise<string> {
  const packet = (correlation: number) => request(pattern, data, correlation)
  const kind = await caller.answerTo(packet)
  return kind === 'error' ? caller.refusal(pattern, data) : 'may'
}

describe('what a caller is refused', () => {
  test('is written down for every pattern there is', async () => {
    const { server } = await startChat()
    expect([...Object.keys(RIGHTS), ...ELSEWHERE].toSorted()).toEqual([...server.getHandlers().keys()].toSorted())
  })

  test.each(Object.entries(RIGHTS))(
    'by %s follows from role and membership',
    async (pattern, { data, mallory, bob }) => {
      const { callers } = await lobby()
      expect(await outcomeOf(callers.mallory, pattern, data)).toBe(mallory)
      expect(await outcomeOf(callers.bob, pattern, data)).toBe(bob)
      expect(await outcomeOf(callers.warden, pattern, data)).toBe('may')
    },
  )

  test('before a login is everything: the connection ends', async () => {
    const { port, server } = await startChat()
    for (const pattern of server.getHandlers().keys()) {
      const stranger = await RawClient.connect(port)
      stranger.send(hello(), request(pattern, {}, 1))
      await stranger.expect('welcome')
      await stranger.expectClosed('OutOfState')
    }
  })
})

describe('nobody speaks as somebody else', () => {
  test('the sender of a message is the user of the token, whatever the payload says', async () => {
    const chat = await startChat()
    const [alice, mallory] = [await chat.connect('alice'), await chat.connect('mallory')]
    await alice.join('lobby')
    await mallory.join('lobby')
    for (const claim of [{ sender: 'alice' }, { user: 'alice' }, { from: 'alice' }]) {
      expect(await mallory.refusal('chat.send', { ...ROOM, text: 'hi', ...claim })).toBe('BAD_PAYLOAD')
    }
    await mallory.says('lobby', 'hi')
    const records = await alice.records('lobby', 2)
    expect(records.map(({ sender }) => sender)).toEqual(['mallory', 'mallory'])
  })

  test('a signal names the user who sent it', async () => {
    const chat = await startChat()
    const [alice, mallory] = [await chat.connect('alice'), await chat.connect('mallory')]
    await alice.join('lobby')
    await mallory.join('lobby')
    expect(await mallory.refusal('rooms.signal', { ...ROOM, name: 'typing', from: 'alice' })).toBe('BAD_PAYLOAD')
    await mallory.request('rooms.signal', { ...ROOM, name: 'typing' })
    expect(await alice.event('rooms.signal')).toMatchObject({ from: 'mallory' })
  })

  test('the message id of one user holds back no message of another', async () => {
    const chat = await startChat()
    const [alice, mallory] = [await chat.connect('alice'), await chat.connect('mallory')]
    await alice.join('lobby')
    await mallory.join('lobby')
    const messageId = Buffer.alloc(16, 7)
    const send = (text: string) => ({ ...ROOM, text, messageId })
    await mallory.request('chat.send', send('first'))
    await alice.request('chat.send', send('second'))
    await alice.hears('lobby', ['+mallory', 'first', 'second'])
  })
})
