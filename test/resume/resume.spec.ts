import { describe, expect, test, vi } from 'vitest'
import { RoomDelivery } from '../../src/delivery/room-delivery.js'
import { FEED_IDLE_MS } from '../../src/delivery/unheard-feeds.js'
import { Feature } from '../../src/protocol/constants.js'
import { trustedEpoch, trustedSeq } from '../../src/protocol/ids.js'
import { GapReason, ResumeOutcome, WireRole } from '../../src/protocol/packets.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { ChatUser, resume } from '../support/chat-user.js'
import { roomOf } from '../support/example-packets.js'
import { hello, type PacketOf } from '../support/raw-client.js'

const QUIET = { NESTWIRE_PRESENCE_INTERVAL_MS: '60000' }

async function startResumable(env: Record<string, string> = {}) {
  const chat = await startChat({ ...QUIET, ...env })
  const login = async (user: string, features: number = Feature.Resume): Promise<ChatUser> =>
    ChatUser.login(chat.port, await chat.tokenOf(user), hello({ features }))
  const comeBack = (earlier: ChatUser, over = {}): Promise<ChatUser> => ChatUser.comeBack(chat.port, earlier, over)
  return { ...chat, login, comeBack }
}

/** Gone without a word; the server has noticed. */
async function vanish(user: ChatUser, { sessionCount }: Chat): Promise<void> {
  const before = sessionCount()
  user.reset()
  await expect.poll(sessionCount).toBe(before - 1)
}

const resumedOf = (user: ChatUser): PacketOf<'resumed'> => {
  const { granted } = user
  if (granted?.kind !== 'resumed') throw new Error('was not resumed')
  return granted
}

/** The survey of a RESUME comes to this room and waits there. */
function holdOpening({ app }: Chat, name: string): { readonly isHeld: Promise<void>; readonly letGo: () => void } {
  const delivery = app.get(RoomDelivery, { strict: false })
  const open = delivery.open.bind(delivery)
  let [letGo, reached] = [(): void => undefined, (): void => undefined]
  const isHeld = new Promise<void>((resolve) => (reached = resolve))
  const gate = new Promise<void>((resolve) => (letGo = resolve))
  vi.spyOn(delivery, 'open').mockImplementation(async (room) => {
    if (room === name) {
      reached()
      await gate
    }
    return open(room)
  })
  return { isHeld, letGo }
}

describe('the ticket', () => {
  test('comes with AUTH_OK to a client that takes part in resume', async () => {
    const chat = await startResumable()
    expect((await chat.login('alice')).ticket.length).toBeGreaterThan(50)
    expect((await chat.login('bob', Feature.Positions)).ticket).toHaveLength(0)
  })

  test('comes with every refresh, and in-band before it ends', async () => {
    const chat = await startResumable({ NESTWIRE_TICKET_TTL_MS: '20000' })
    const alice = await chat.login('alice')
    const first = alice.ticket
    await alice.authenticate(await chat.tokenOf('alice', { ttlSeconds: 600 }))
    expect(alice.ticket.equals(first)).toBe(false)
    chat.clock.advance(10_250)
    const told = (await alice.find(({ kind }) => kind === 'ticket')) as PacketOf<'ticket'>
    expect(told.expiresAtMs).toBeGreaterThan(chat.clock.now() + 19_000)
    await vanish(alice, chat)
    chat.clock.advance(19_000)
    expect(resumedOf(await chat.comeBack(alice, { ticket: told.ticket })).user).toBe('alice')
  })

  test('gives back who somebody is, down to the end of the token', async () => {
    const chat = await startResumable()
    const over = { username: 'Root R.', role: 'admin', ttlSeconds: 60 } as const
    const greeting = hello({ features: Feature.Resume })
    const root = await ChatUser.login(chat.port, await chat.tokenOf('root', over), greeting)
    const { session, expiresAtMs } = root.granted ?? {}
    await vanish(root, chat)
    const back = await chat.comeBack(root)
    expect(resumedOf(back)).toMatchObject({ user: 'root', session, expiresAtMs, role: WireRole.Admin, rooms: [] })
    expect(resumedOf(back).dedupWindowMs).toBe(120_000)
    expect(await back.request('auth.whoami')).toMatchObject({ session, username: 'Root R.', role: 'admin' })
    chat.clock.advance(70_000)
    await back.expectClosedAtLast('TokenExpired')
  })

  test('is good again and again, each resume giving the next', async () => {
    const chat = await startResumable()
    let alice = await chat.login('alice')
    const { session } = alice.granted ?? {}
    for (let round = 0; round < 5; round += 1) {
      await vanish(alice, chat)
      alice = await chat.comeBack(alice)
      if (round % 2 === 0) await alice.showsTicket()
      expect(resumedOf(alice).session).toBe(session)
    }
  })
})

describe('a room', () => {
  test('is heard again from the position on, each record once and in order', async () => {
    const chat = await startResumable()
    const [alice, bob] = [await chat.login('alice'), await chat.login('bob')]
    await alice.join('lobby')
    await bob.join('lobby')
    await alice.says('lobby', 'before')
    await bob.hears('lobby', ['before'])
    await vanish(bob, chat)
    for (const line of ['one', 'two', 'three']) await alice.says('lobby', line)
    const back = await chat.comeBack(bob)
    const { epoch, seq: from, room } = bob.positions[0] ?? {}
    expect(resumedOf(back).rooms).toEqual([{ room, epoch, from, to: (from ?? 0) + 3, outcome: ResumeOutcome.Whole }])
    await alice.says('lobby', 'after')
    await back.hears('lobby', ['one', 'two', 'three', 'after'])
    await back.says('lobby', 'thanks')
    await back.hears('lobby', ['thanks'])
  })

  test('that nothing happened in is whole', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    const { epoch, seq } = await alice.join('lobby')
    await vanish(alice, chat)
    const back = await chat.comeBack(alice)
    expect(resumedOf(back).rooms).toEqual([{ room: 'lobby', epoch, from: seq, to: seq, outcome: ResumeOutcome.Whole }])
    await back.showsTicket()
    await back.expectNothing()
  })

  test('that is not named is not heard, and may be joined', async () => {
    const chat = await startResumable()
    const [alice, bob] = [await chat.login('alice'), await chat.login('bob')]
    await alice.join('lobby')
    await bob.join('lobby')
    await vanish(bob, chat)
    const back = await chat.comeBack(bob, { positions: [] })
    await alice.says('lobby', 'anybody?')
    await back.showsTicket()
    await back.expectNothing()
    await back.join('lobby')
    await alice.says('lobby', 'there you are')
    await back.hears('lobby', ['there you are'])
  })

  test('that is named twice is heard once, from the first position', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    const { epoch, seq } = await alice.join('lobby')
    await alice.says('lobby', 'one')
    await vanish(alice, chat)
    const room = roomOf('lobby')
    const later = { room, epoch, seq: trustedSeq(seq + 1) }
    const back = await chat.comeBack(alice, { positions: [{ room, epoch, seq }, later] })
    expect(resumedOf(back).rooms).toHaveLength(1)
    await back.hears('lobby', ['one'])
    await back.showsTicket()
    await back.expectNothing()
  })

  test('beyond the limit of a connection is left out', async () => {
    const chat = await startResumable({ NESTWIRE_MAX_ROOMS_PER_CONNECTION: '2' })
    const alice = await chat.login('alice')
    for (const room of ['first', 'second']) await alice.join(room)
    const other = await chat.login('alice')
    await other.join('third')
    await vanish(alice, chat)
    const back = await chat.comeBack(alice, { positions: [...alice.positions, ...other.positions] })
    expect(resumedOf(back).rooms.map(({ room }) => room)).toEqual(['first', 'second'])
    expect(await back.refusal('rooms.join', { room: 'third' })).toBe('TOO_MANY_ROOMS')
  })

  test('with an epoch of its own past begins anew at the head', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    const { epoch, seq } = await alice.join('lobby')
    await vanish(alice, chat)
    const room = roomOf('lobby')
    const back = await chat.comeBack(alice, { positions: [{ room, epoch: trustedEpoch(epoch - 1), seq }] })
    expect(resumedOf(back).rooms).toEqual([{ room, epoch, from: seq, to: seq, outcome: ResumeOutcome.Gap }])
    const gap = await back.find(({ kind }) => kind === 'gap')
    expect(gap).toEqual({ kind: 'gap', room, epoch, from: 0, to: seq, reason: GapReason.EpochChanged })
    await back.says('lobby', 'hello')
    await back.hears('lobby', ['hello'])
  })

  test('ahead of the log is set back to its head', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    const { epoch, seq } = await alice.join('lobby')
    await vanish(alice, chat)
    const room = roomOf('lobby')
    const back = await chat.comeBack(alice, { positions: [{ room, epoch, seq: trustedSeq(seq + 1) }] })
    expect(resumedOf(back).rooms).toEqual([{ room, epoch, from: seq, to: seq, outcome: ResumeOutcome.Gap }])
    const gap = await back.find(({ kind }) => kind === 'gap')
    expect(gap).toEqual({ kind: 'gap', room, epoch, from: seq, to: seq, reason: GapReason.AheadOfLog })
    await back.says('lobby', 'hello')
    await back.hears('lobby', ['hello'])
  })

  test('counts as present again, once', async () => {
    const chat = await startResumable()
    const [alice, bob] = [await chat.login('alice'), await chat.login('bob')]
    await alice.join('lobby')
    await bob.join('lobby')
    await vanish(bob, chat)
    expect(await alice.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 2, online: 1 })
    await chat.comeBack(bob)
    expect(await alice.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 2, online: 2 })
  })
})

describe('RESUME', () => {
  test('of a hundred rooms is answered and heard whole', async () => {
    const chat = await startResumable()
    const [alice, bob] = [await chat.login('alice'), await chat.login('bob')]
    const names = Array.from({ length: 100 }, (_, index) => `room-${index}`)
    for (const room of names) {
      await alice.join(room)
      await bob.join(room)
    }
    await vanish(bob, chat)
    for (const room of names) await alice.says(room, `news of ${room}`)
    const back = await chat.comeBack(bob)
    expect(resumedOf(back).rooms).toHaveLength(100)
    for (const room of names) await back.hears(room, [`news of ${room}`])
  })

  test('leaves out the rooms that do not fit the largest frame', async () => {
    const chat = await startResumable({
      NESTWIRE_MAX_FRAME_BYTES: '4096',
      NESTWIRE_MAX_MESSAGE_BYTES: '1024',
      NESTWIRE_MAX_HANDSHAKE_FRAME_BYTES: '4096',
    })
    const alice = await chat.login('alice')
    const names = Array.from({ length: 30 }, (_, index) => String(index).padStart(100, 'x'))
    for (const room of names) await alice.join(room)
    await vanish(alice, chat)
    const back = await chat.comeBack(alice)
    // (4,096 − 1,024) / (26 + 100)
    expect(resumedOf(back).rooms.map(({ room }) => room)).toEqual(names.slice(0, 24))
  })

  test('is answered before anything of its rooms comes', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    await alice.join('lobby')
    await alice.join('hall')
    for (let line = 0; line < 50; line += 1) await alice.says('lobby', `${line}`)
    await vanish(alice, chat)
    const back = await ChatUser.greetedForResume(chat.port)
    const positions = alice.positions.map((position) =>
      position.room === 'hall' ? { ...position, epoch: trustedEpoch(1) } : position,
    )
    back.send(resume(alice.ticket, positions, 1))
    await back.expect('resumed')
    await back.expect('gap')
    await back.expect('ping')
    await back.expect('deliver')
  })

  test('tells who is kicked meanwhile by its answer, and by nothing before that', async () => {
    const chat = await startResumable()
    const [alice, bob] = [await chat.login('alice'), await chat.login('bob')]
    const names = Array.from({ length: 100 }, (_, index) => `room-${index}`)
    for (const room of names) {
      await alice.join(room)
      await bob.join(room)
    }
    await vanish(bob, chat)
    const survey = holdOpening(chat, 'room-50')
    const back = await ChatUser.greetedForResume(chat.port)
    back.send(resume(bob.ticket, bob.positions, 1))
    await survey.isHeld
    const kicked = ['room-10', 'room-90']
    for (const room of kicked) await alice.request('rooms.kick', { room, user: 'bob' })
    survey.letGo()
    const { rooms } = await back.expect('resumed')
    expect(rooms.map(({ room }) => room)).toEqual(names)
    const lost = rooms.filter(({ outcome }) => outcome === ResumeOutcome.NotAMember)
    expect(lost.map(({ room }) => room)).toEqual(kicked)
    await back.expect('ping')
    await back.expectNothing()
  })

  test('is heard however long the look at others takes', async () => {
    const chat = await startResumable({ NESTWIRE_HANDSHAKE_TIMEOUT_MS: '600000' })
    const greeting = hello({ features: Feature.Resume })
    const bob = await ChatUser.login(chat.port, await chat.tokenOf('bob', { ttlSeconds: 600 }), greeting)
    const alice = await chat.login('alice')
    for (const room of ['lobby', 'hall']) {
      await alice.join(room)
      await bob.join(room)
    }
    await vanish(bob, chat)
    await vanish(alice, chat)
    const survey = holdOpening(chat, 'hall')
    const back = await ChatUser.greetedForResume(chat.port)
    back.send(resume(bob.ticket, bob.positions, 1))
    await survey.isHeld
    chat.clock.advance(2 * FEED_IDLE_MS)
    survey.letGo()
    const { rooms } = await back.expect('resumed')
    expect(rooms.map(({ outcome }) => outcome)).toEqual([ResumeOutcome.Whole, ResumeOutcome.Whole])
    await back.expect('ping')
    const carol = await chat.login('carol')
    await carol.join('lobby')
    expect(await back.expect('deliver')).toMatchObject({ room: 'lobby', records: [{ sender: 'carol' }] })
  })

  test('says of a position ahead of the log what comes of it, whatever is logged meanwhile', async () => {
    const chat = await startResumable()
    const [alice, bob] = [await chat.login('alice'), await chat.login('bob')]
    for (const room of ['lobby', 'hall']) {
      await alice.join(room)
      await bob.join(room)
    }
    const [lobby, hall] = bob.positions
    if (lobby === undefined || hall === undefined) throw new Error('joined no rooms')
    await vanish(bob, chat)
    const survey = holdOpening(chat, 'hall')
    const back = await ChatUser.greetedForResume(chat.port)
    back.send(resume(bob.ticket, [{ ...lobby, seq: trustedSeq(lobby.seq + 1) }, hall], 1))
    await survey.isHeld
    await alice.says('lobby', 'where the client thinks to be')
    survey.letGo()
    const { rooms } = await back.expect('resumed')
    const { room, epoch, seq } = lobby
    expect(rooms[0]).toEqual({ room, epoch, from: seq, to: seq, outcome: ResumeOutcome.Gap })
    expect(await back.expect('gap')).toMatchObject({ from: seq, to: seq, reason: GapReason.AheadOfLog })
    await back.expect('ping')
    expect((await back.expect('deliver')).records).toMatchObject([{ seq: seq + 1, prev: seq }])
  })

  test('is closed OutOfState once logged in, and refused as a request', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    expect(await alice.refusal('auth.resume', {})).toBe('FORBIDDEN')
    alice.send(resume(alice.ticket, [], 77))
    await alice.expectClosed('OutOfState')
  })

  test('is FeatureOff for a client that did not ask for it, and AUTH may follow', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    const other = await ChatUser.greetedForResume(chat.port, 0)
    expect(await other.refusalOf((correlation) => resume(alice.ticket, [], correlation))).toBe('FEATURE_OFF')
    expect((await other.authenticate(await chat.tokenOf('alice'))).user).toBe('alice')
  })

  test('is off for everybody with NESTWIRE_RESUME=false', async () => {
    const chat = await startResumable({ NESTWIRE_RESUME: 'false' })
    const user = await ChatUser.login(chat.port, await chat.tokenOf('alice'), hello({ features: 3 }))
    expect(user.ticket).toHaveLength(0)
    const other = await ChatUser.greetedForResume(chat.port)
    expect(await other.refusalOf((correlation) => resume(Buffer.alloc(100), [], correlation))).toBe('FEATURE_OFF')
  })
})

describe('auth.revoke', () => {
  test('closes the connection, and no ticket counts any more', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    const root = await chat.connect('root', { role: 'service' })
    const session = alice.granted?.session
    expect(await root.request('auth.revoke', { session })).toEqual({ session, changed: true })
    await alice.expectClosed('SessionRevoked')
    const other = await ChatUser.greetedForResume(chat.port)
    expect(await other.refusalOf((correlation) => resume(alice.ticket, [], correlation))).toBe('TICKET_INVALID')
    expect(await root.request('auth.revoke', { session })).toEqual({ session, changed: false })
    expect((await other.authenticate(await chat.tokenOf('alice'))).session).not.toBe(session)
  })

  test('reaches a session that is away', async () => {
    const chat = await startResumable()
    const alice = await chat.login('alice')
    const root = await chat.connect('root', { role: 'admin' })
    await vanish(alice, chat)
    await root.request('auth.revoke', { session: alice.granted?.session })
    const other = await ChatUser.greetedForResume(chat.port)
    expect(await other.refusalOf((correlation) => resume(alice.ticket, [], correlation))).toBe('TICKET_INVALID')
  })

  test('is not for users, and takes nothing but a session', async () => {
    const chat = await startResumable()
    const [alice, root] = [await chat.login('alice'), await chat.connect('root', { role: 'admin' })]
    expect(await alice.refusal('auth.revoke', { session: alice.granted?.session })).toBe('FORBIDDEN')
    for (const session of ['', 'x'.repeat(21), 'x'.repeat(23), `${'x'.repeat(21)}\0`, 7, undefined]) {
      expect(await root.refusal('auth.revoke', { session })).toBe('BAD_PAYLOAD')
    }
  })
})
