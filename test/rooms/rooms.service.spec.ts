import { describe, expect, test } from 'vitest'
import { FEED_IDLE_MS } from '../../src/delivery/unheard-feeds.js'
import { LeaveReason, RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { refusal, startRooms } from './room-stack.js'

const lobby = roomId('lobby')
const kinds = (records: readonly { kind: RecordKind }[]) => records.map(({ kind }) => kind)

describe('rooms.join', () => {
  test('creates the room and makes its founder the owner', async () => {
    const { connect, join, log } = startRooms()
    const reply = await join(connect('alice'), lobby)
    const { epoch } = await log.head(lobby)
    expect(reply).toEqual({ room: lobby, role: 'owner', members: 1, epoch, seq: 1 })
  })

  test('announces the newcomer to those before, not to itself', async () => {
    const { connect, join, tick } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob', { username: 'Bobby' })]
    await join(alice, lobby)
    const reply = await join(bob, lobby)
    tick.end()
    expect(alice.connection.records).toMatchObject([
      { kind: RecordKind.Join, seq: 2, prev: 1, sender: 'bob', body: Buffer.from('Bobby') },
    ])
    expect(bob.connection.records).toEqual([])
    expect(reply).toMatchObject({ seq: 2, role: 'member', members: 2 })
  })

  test('is idempotent and announces once', async () => {
    const { connect, join, tick } = startRooms()
    const alice = connect('alice')
    const first = await join(alice, lobby)
    expect(await join(alice, lobby)).toEqual(first)
    tick.end()
    expect(alice.connection.records).toEqual([])
  })

  test('attaches a second device without another record', async () => {
    const { connect, join, delivery, tick } = startRooms()
    const [phone, desk] = [connect('alice'), connect('alice')]
    await join(phone, lobby)
    expect(await join(desk, lobby)).toMatchObject({ seq: 1, members: 1, role: 'owner' })
    await delivery.append(lobby, { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from('hi') })
    tick.end()
    for (const { connection } of [phone, desk]) expect(kinds(connection.records)).toEqual([RecordKind.Text])
  })

  test('hears the room however long the join takes to be saved', async () => {
    const { connect, join, delivery, tick, clock, state } = startRooms()
    const alice = connect('alice')
    state.hold()
    const joining = join(alice, lobby)
    await tick.settle()
    clock.advance(2 * FEED_IDLE_MS)
    state.letGo()
    expect(await joining).toMatchObject({ seq: 1 })
    await delivery.append(lobby, { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from('hi') })
    tick.end()
    expect(kinds(alice.connection.records)).toEqual([RecordKind.Text])
  })

  test('finds no unknown room where rooms are not open', async () => {
    const { connect, join, registry } = startRooms({ NESTWIRE_ROOMS_OPEN: 'false' })
    await expect(join(connect('alice'), lobby)).rejects.toEqual(refusal('ROOM_NOT_FOUND'))
    expect(registry.count).toBe(0)
    await expect(join(connect('bot', { role: 'service' }), lobby)).resolves.toMatchObject({ role: 'owner' })
    await expect(join(connect('alice'), lobby)).resolves.toMatchObject({ role: 'member' })
  })

  test('takes as many rooms in total as the limit', async () => {
    const { connect, join } = startRooms({ NESTWIRE_MAX_ROOMS: '2' })
    const alice = connect('alice')
    await join(alice, roomId('a'))
    await join(alice, roomId('b'))
    await expect(join(alice, roomId('c'))).rejects.toEqual(refusal('TOO_MANY_ROOMS'))
    await expect(join(connect('bob'), roomId('a'))).resolves.toMatchObject({ members: 2 })
  })

  test('takes as many rooms of a connection as the limit, even pipelined', async () => {
    const { connect, join, registry } = startRooms({ NESTWIRE_MAX_ROOMS_PER_CONNECTION: '2' })
    const alice = connect('alice')
    const joins = ['a', 'b', 'c'].map((name) => join(alice, roomId(name)))
    const settled = await Promise.allSettled(joins)
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    await expect(joins[2]).rejects.toEqual(refusal('TOO_MANY_ROOMS'))
    expect(registry.count).toBe(2)
    await expect(join(alice, roomId('a'))).resolves.toMatchObject({ members: 1 })
  })

  test('takes as many members as the limit', async () => {
    const { connect, join } = startRooms({ NESTWIRE_MAX_MEMBERS_PER_ROOM: '2' })
    await join(connect('alice'), lobby)
    await join(connect('bob'), lobby)
    await expect(join(connect('carol'), lobby)).rejects.toEqual(refusal('ROOM_FULL'))
    await expect(join(connect('bob'), lobby)).resolves.toMatchObject({ members: 2 })
  })

  test('needs a session', async () => {
    const { connect, rooms, sessions } = startRooms()
    const { principal, connection } = connect('alice')
    sessions.connectionClosed(connection)
    await expect(rooms.join(principal, connection, lobby)).rejects.toEqual(refusal('FORBIDDEN'))
  })

  test('leaves nothing attached when the connection ends in the meantime', async () => {
    const { connect, join, delivery, catalogue, tick } = startRooms()
    const alice = connect('alice')
    const joining = join(alice, lobby)
    alice.connection.close(1000)
    await expect(joining).rejects.toEqual(refusal('NOT_A_MEMBER'))
    await delivery.append(lobby, { kind: RecordKind.Text, sender: userId('bob'), body: Buffer.from('hi') })
    expect(tick.waiting).toBe(0)
    expect(await catalogue.info(lobby)).toMatchObject({ members: 1, online: 0 })
  })

  test('did not happen if the log refused its record', async () => {
    const { connect, join, log, registry } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob')]
    log.isFailing = true
    await expect(join(alice, lobby)).rejects.toThrow('disk full')
    expect(registry.count).toBe(0)
    log.isFailing = false
    expect(await join(bob, lobby)).toMatchObject({ role: 'owner', members: 1, seq: 1 })
  })
})

describe('announcements', () => {
  test('are records up to the limit and end above it', async () => {
    const { connect, join, rooms, log } = startRooms({ NESTWIRE_ANNOUNCE_MEMBERS_MAX: '2' })
    const [alice, bob, carol] = [connect('alice'), connect('bob'), connect('carol')]
    for (const device of [alice, bob, carol]) await join(device, lobby)
    expect((await log.head(lobby)).seq).toBe(2)
    await rooms.leave(carol.principal, lobby)
    expect((await log.head(lobby)).seq).toBe(2)
    await rooms.leave(bob.principal, lobby)
    expect((await log.head(lobby)).seq).toBe(3)
  })

  test('go as notices, whoever causes them', async () => {
    const { connect, join, delivery } = startRooms()
    await join(connect('root', { role: 'admin' }), lobby)
    expect(delivery.priorities).toEqual(['notice'])
  })
})

describe('rooms.create', () => {
  test('makes the caller owner without attaching the connection', async () => {
    const { connect, rooms, log, tick } = startRooms()
    const bot = connect('bot', { role: 'service' })
    expect(await rooms.create(bot.principal, lobby)).toEqual({ room: lobby, role: 'owner', members: 1 })
    expect((await log.head(lobby)).seq).toBe(1)
    expect(tick.waiting).toBe(0)
  })

  test('refuses a name that is taken', async () => {
    const { connect, join, rooms } = startRooms()
    const alice = connect('alice')
    await join(alice, lobby)
    await expect(rooms.create(alice.principal, lobby)).rejects.toEqual(refusal('ROOM_EXISTS'))
  })

  test('is for the system where rooms are not open', async () => {
    const { connect, rooms } = startRooms({ NESTWIRE_ROOMS_OPEN: 'false' })
    await expect(rooms.create(connect('alice').principal, lobby)).rejects.toEqual(refusal('FORBIDDEN'))
    await rooms.create(connect('bot', { role: 'service' }).principal, lobby)
  })
})

describe('rooms.leave', () => {
  test('ends the membership on all devices of the user', async () => {
    const { connect, join, rooms, delivery, tick } = startRooms()
    const [phone, desk, bob] = [connect('alice'), connect('alice'), connect('bob')]
    for (const device of [bob, phone, desk]) await join(device, lobby)
    tick.end()
    expect(await rooms.leave(phone.principal, lobby)).toEqual({ room: lobby, changed: true })
    await delivery.append(lobby, { kind: RecordKind.Text, sender: userId('bob'), body: Buffer.from('gone?') })
    tick.end()
    for (const { connection } of [phone, desk]) {
      expect(connection.events('rooms.left')).toEqual([{ room: lobby, reason: 'left' }])
      expect(connection.records).toEqual([])
    }
    expect(bob.connection.events('rooms.left')).toEqual([])
    expect(bob.connection.records).toMatchObject([
      { kind: RecordKind.Join, sender: 'alice' },
      { kind: RecordKind.Leave, sender: 'alice', body: Buffer.of(LeaveReason.Left) },
      { kind: RecordKind.Text },
    ])
  })

  test('is idempotent, in a room that is gone too', async () => {
    const { connect, join, rooms } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob')]
    await join(alice, lobby)
    expect(await rooms.leave(bob.principal, lobby)).toEqual({ room: lobby, changed: false })
    await rooms.leave(alice.principal, lobby)
    expect(await rooms.leave(alice.principal, lobby)).toEqual({ room: lobby, changed: false })
  })

  test('deletes a room without members, with its history and bans', async () => {
    const { connect, join, rooms, log, registry } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob')]
    const before = await join(alice, lobby)
    await rooms.ban(alice.principal, lobby, userId('bob'))
    await rooms.leave(alice.principal, lobby)
    expect(registry.count).toBe(0)
    const after = await join(bob, lobby)
    expect(after).toMatchObject({ role: 'owner', seq: 1 })
    expect(after.epoch).not.toBe(before.epoch)
    expect(await log.readAfter(lobby, before.seq, { maxRecords: 9, maxBytes: 999 })).toEqual([])
  })

  test('gives the connection its place back for another room', async () => {
    const { connect, join, rooms } = startRooms({ NESTWIRE_MAX_ROOMS_PER_CONNECTION: '1' })
    const alice = connect('alice')
    await join(alice, lobby)
    await rooms.leave(alice.principal, lobby)
    await expect(join(alice, roomId('attic'))).resolves.toMatchObject({ members: 1 })
  })
})

describe('a connection that ends', () => {
  test('leaves the membership and takes nothing along', async () => {
    const { connect, join, catalogue, delivery, tick } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob')]
    await join(alice, lobby)
    await join(bob, lobby)
    bob.connection.close(1000)
    expect(await catalogue.info(lobby)).toMatchObject({ members: 2, online: 1 })
    await delivery.append(lobby, { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from('hi') })
    tick.end()
    expect(bob.connection.records).toEqual([])
    expect(kinds(alice.connection.records)).toEqual([RecordKind.Join, RecordKind.Text])
    expect(await join(connect('bob'), lobby)).toMatchObject({ seq: 3, members: 2, role: 'member' })
  })
})

/** Alice owns the lobby; Bob and Carol are members. */
async function withThree() {
  const stack = startRooms()
  const [alice, bob, carol] = [stack.connect('alice'), stack.connect('bob'), stack.connect('carol')]
  for (const device of [alice, bob, carol]) await stack.join(device, lobby)
  stack.tick.end()
  return { ...stack, alice, bob, carol }
}

describe('rooms.kick, ban and unban', () => {
  test('an owner kicks a member, who may come back', async () => {
    const { rooms, join, tick, alice, bob, carol } = await withThree()
    expect(await rooms.kick(alice.principal, lobby, userId('bob'))).toEqual({ room: lobby, changed: true })
    tick.end()
    expect(bob.connection.events('rooms.left')).toEqual([{ room: lobby, reason: 'kicked' }])
    expect(carol.connection.records.at(-1)).toMatchObject({
      kind: RecordKind.Leave,
      sender: 'bob',
      body: Buffer.of(LeaveReason.Kicked),
    })
    await expect(join(bob, lobby)).resolves.toMatchObject({ role: 'member' })
  })

  test('an owner bans a member, who comes back only when unbanned', async () => {
    const { rooms, join, tick, alice, bob, carol } = await withThree()
    expect(await rooms.ban(alice.principal, lobby, userId('bob'))).toEqual({ room: lobby, changed: true })
    expect(await rooms.ban(alice.principal, lobby, userId('bob'))).toEqual({ room: lobby, changed: false })
    tick.end()
    expect(bob.connection.events('rooms.left')).toEqual([{ room: lobby, reason: 'banned' }])
    expect(carol.connection.records.at(-1)).toMatchObject({ body: Buffer.of(LeaveReason.Banned) })
    await expect(join(bob, lobby)).rejects.toEqual(refusal('BANNED'))
    expect(await rooms.unban(alice.principal, lobby, userId('bob'))).toEqual({ room: lobby, changed: true })
    await expect(join(bob, lobby)).resolves.toMatchObject({ role: 'member' })
  })

  test('a member removes nobody, a stranger neither', async () => {
    const { rooms, connect, bob } = await withThree()
    const dave = connect('dave').principal
    for (const act of ['kick', 'ban'] as const) {
      await expect(rooms[act](bob.principal, lobby, userId('alice'))).rejects.toEqual(refusal('FORBIDDEN'))
      await expect(rooms[act](bob.principal, lobby, userId('carol'))).rejects.toEqual(refusal('FORBIDDEN'))
      await expect(rooms[act](dave, lobby, userId('carol'))).rejects.toEqual(refusal('NOT_A_MEMBER'))
    }
    await expect(rooms.unban(bob.principal, lobby, userId('dave'))).rejects.toEqual(refusal('FORBIDDEN'))
  })

  test('a service removes the owner, and the next in line follows', async () => {
    const { rooms, catalogue, connect } = await withThree()
    await rooms.kick(connect('bot', { role: 'service' }).principal, lobby, userId('alice'))
    expect(await catalogue.info(lobby)).toMatchObject({ owner: 'bob', members: 2 })
  })

  test('an unknown room is not found', async () => {
    const { rooms, alice } = await withThree()
    await expect(rooms.kick(alice.principal, roomId('attic'), userId('bob'))).rejects.toEqual(refusal('ROOM_NOT_FOUND'))
  })

  test('a device that reads too slowly to hear of it is closed', async () => {
    const { rooms, sessions, alice, bob } = await withThree()
    bob.connection.offer = () => 'full'
    await rooms.kick(alice.principal, lobby, userId('bob'))
    expect(bob.connection.closeCode).toBe(2002)
    expect(sessions.of(userId('bob'))).toEqual([])
  })
})
