import { describe, expect, test } from 'vitest'
import { listed } from '../contracts/state-store.contract.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { refusal, startRooms, startRoomsOn } from './room-stack.js'

const lobby = roomId('lobby')
const [alice, bob, carol] = [userId('alice'), userId('bob'), userId('carol')]

type Stack = ReturnType<typeof startRooms>

/** The keys that are stored. */
async function keysIn({ state }: Stack): Promise<readonly string[]> {
  const keys: string[] = []
  for (const table of ['room', 'member', 'ban'] as const) {
    for (const line of await listed(state, [table])) keys.push(line.slice(0, line.indexOf(' =')))
  }
  return keys
}

/** Another process on what this one stored. */
async function restarted({ settings, clock, log, state }: Stack) {
  const stack = startRoomsOn({ settings, clock, log, state })
  await stack.load()
  return stack
}

/** Alice owns the lobby; Bob is a member, Carol banned. */
async function withBoth(bounds?: { maxUnsettledKeys: number }) {
  const stack = startRooms({}, bounds)
  const [owner, member] = [stack.connect('alice'), stack.connect('bob')]
  for (const device of [owner, member]) await stack.join(device, lobby)
  await stack.rooms.ban(owner.principal, lobby, carol)
  return { ...stack, owner, member }
}

/** Whether a promise is still open after everything that could go on has gone on. */
async function isOpen(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  )
  return Promise.race([settled, new Promise<boolean>((resolve) => setImmediate(() => resolve(true)))])
}

describe('changes', () => {
  test('are stored: room, members, bans', async () => {
    const stack = await withBoth()
    expect(await keysIn(stack)).toEqual(['room lobby', 'member lobby alice', 'member lobby bob', 'ban lobby carol'])
    await stack.rooms.unban(stack.owner.principal, lobby, carol)
    await stack.rooms.kick(stack.owner.principal, lobby, bob)
    expect(await keysIn(stack)).toEqual(['room lobby', 'member lobby alice'])
  })

  const changes: readonly [string, (stack: Awaited<ReturnType<typeof withBoth>>) => Promise<unknown>][] = [
    ['join', (stack) => stack.join(stack.connect('dave'), lobby)],
    [
      'a repeated join',
      (stack) => both(stack.join(stack.connect('dave'), lobby), stack.join(stack.connect('dave'), lobby)),
    ],
    ['the first join', (stack) => stack.join(stack.connect('dave'), roomId('attic'))],
    ['create', (stack) => stack.rooms.create(stack.owner.principal, roomId('attic'))],
    ['leave', ({ rooms, member }) => rooms.leave(member.principal, lobby)],
    [
      'a repeated leave',
      ({ rooms, member }) => both(rooms.leave(member.principal, lobby), rooms.leave(member.principal, lobby)),
    ],
    ['kick', ({ rooms, owner }) => rooms.kick(owner.principal, lobby, bob)],
    [
      'a repeated kick',
      ({ rooms, owner: { principal } }) => both(rooms.kick(principal, lobby, bob), rooms.kick(principal, lobby, bob)),
    ],
    ['ban', ({ rooms, owner }) => rooms.ban(owner.principal, lobby, bob)],
    [
      'a repeated ban',
      ({ rooms, owner: { principal } }) => both(rooms.ban(principal, lobby, bob), rooms.ban(principal, lobby, bob)),
    ],
    ['a ban of a stranger', ({ rooms, owner }) => rooms.ban(owner.principal, lobby, userId('dave'))],
    ['unban', ({ rooms, owner }) => rooms.unban(owner.principal, lobby, carol)],
    [
      'a repeated unban',
      ({ rooms, owner: { principal } }) =>
        both(rooms.unban(principal, lobby, carol), rooms.unban(principal, lobby, carol)),
    ],
  ]
  test.each(changes)('are answered when they are committed: %s', async (_what, change) => {
    const stack = await withBoth()
    stack.state.hold()
    const answer = change(stack)
    expect(await isOpen(answer)).toBe(true)
    stack.state.letGo()
    await answer
  })

  test('that change nothing wait for nobody', async () => {
    const { state, rooms, owner, join } = await withBoth()
    state.hold()
    await rooms.kick(owner.principal, lobby, userId('dave'))
    await rooms.ban(owner.principal, lobby, carol)
    await rooms.unban(owner.principal, lobby, userId('dave'))
    await join(owner, lobby)
  })

  test('of the owner are stored', async () => {
    const stack = await withBoth()
    await stack.rooms.leave(stack.owner.principal, lobby)
    const { catalogue } = await restarted(stack)
    expect(await catalogue.info(lobby)).toMatchObject({ owner: 'bob', members: 1 })
  })
})

/** The first of two answers. */
const both = (...answers: readonly Promise<unknown>[]): Promise<unknown> => Promise.race(answers)

describe('a room that is deleted', () => {
  test('leaves nothing behind', async () => {
    const stack = await withBoth()
    for (const { principal } of [stack.owner, stack.member]) await stack.rooms.leave(principal, lobby)
    expect(await keysIn(stack)).toEqual([])
  })

  test('takes 10,000 bans along without holding up the others', async () => {
    const stack = await withBoth()
    for (let index = 1; index < 10_000; index += 1) {
      await stack.rooms.ban(stack.owner.principal, lobby, userId(`u${index}`))
    }
    await stack.rooms.leave(stack.member.principal, lobby)
    let turns = 0
    const count = (): void => {
      turns += 1
      counting = setImmediate(count)
    }
    let counting = setImmediate(count)
    await stack.rooms.leave(stack.owner.principal, lobby)
    clearImmediate(counting)
    expect(await keysIn(stack)).toEqual([])
    expect(turns).toBeGreaterThanOrEqual(10_000 / 500)
  })

  test('leaves a later one of its name alone', async () => {
    const stack = await withBoth()
    await stack.rooms.leave(stack.member.principal, lobby)
    stack.state.hold()
    const leaving = stack.rooms.leave(stack.owner.principal, lobby)
    const joining = stack.join(stack.member, lobby)
    const banning = stack.rooms.ban(stack.member.principal, lobby, carol)
    stack.state.letGo()
    await Promise.all([leaving, joining, banning])
    expect(await keysIn(stack)).toEqual(['room lobby', 'member lobby bob', 'ban lobby carol'])
    const { catalogue, registry } = await restarted(stack)
    expect(await catalogue.info(lobby)).toMatchObject({ owner: 'bob', members: 1 })
    expect(registry.require(lobby).standingOf(carol)).toBe('banned')
  })
})

describe('a restart', () => {
  test('clears away what belongs to no room, with its log', async () => {
    const stack = await withBoth()
    await stack.delivery.append(lobby, { kind: RecordKind.Text, sender: alice, body: Buffer.from('old') }, 'normal')
    await stack.state.remove(['member', 'lobby', 'alice'])
    await stack.state.remove(['member', 'lobby', 'bob'])
    const { registry } = await restarted(stack)
    expect(registry.count).toBe(0)
    expect(await keysIn(stack)).toEqual([])
    expect((await stack.log.head(lobby)).seq).toBe(0)
  })

  test('finds more rooms and members than limits that were lowered', async () => {
    const stack = await withBoth()
    await stack.join(stack.member, roomId('attic'))
    const { settings, clock, log, state } = startRooms({ NESTWIRE_MAX_ROOMS: '1', NESTWIRE_MAX_MEMBERS_PER_ROOM: '1' })
    const later = startRoomsOn({ settings, clock, log, state: stack.state })
    await later.load()
    expect(log).not.toBe(stack.log)
    expect(state).not.toBe(stack.state)
    expect(later.catalogue.list({ after: undefined, limit: 9 }).rooms).toMatchObject([
      { room: 'attic', members: 1 },
      { room: 'lobby', members: 2 },
    ])
  })

  test('shows a founder nothing that the log still has under the name', async () => {
    const { log, connect, join } = startRooms()
    const { epoch } = await log.head(lobby)
    await log.append(lobby, { kind: RecordKind.Text, sender: alice, body: Buffer.from('a secret') })
    const joining = join(connect('bob'), lobby)
    expect((await log.head(lobby)).epoch).not.toBe(epoch)
    const joined = await joining
    expect(joined).toMatchObject({ role: 'owner', seq: 1 })
    expect(await log.readAfter(lobby, joined.seq, { maxRecords: 9, maxBytes: 999 })).toEqual([])
  })
})

describe('when the store fails', () => {
  test('a join has not happened', async () => {
    const stack = await withBoth()
    const dave = stack.connect('dave')
    stack.state.isFailing = true
    await expect(stack.join(dave, lobby)).rejects.toEqual(refusal('COMMIT_FAILED'))
    expect(stack.registry.require(lobby).standingOf(dave.principal.user)).toBe('stranger')
    expect(dave.connection.events('rooms.left')).toEqual([{ room: lobby, reason: 'left' }])
  })

  test('a founding has not happened', async () => {
    const stack = startRooms()
    stack.state.isFailing = true
    await expect(stack.join(stack.connect('alice'), lobby)).rejects.toEqual(refusal('COMMIT_FAILED'))
    expect(stack.registry.count).toBe(0)
  })

  test('nobody joins until what is noted is saved', async () => {
    const stack = await withBoth()
    const dave = stack.connect('dave')
    stack.state.isFailing = true
    await expect(stack.join(dave, lobby)).rejects.toEqual(refusal('COMMIT_FAILED'))
    await expect(stack.join(dave, lobby)).rejects.toEqual(refusal('LOG_UNAVAILABLE'))
    await expect(stack.join(dave, roomId('attic'))).rejects.toEqual(refusal('LOG_UNAVAILABLE'))
    await expect(stack.join(stack.connect('bob'), lobby)).resolves.toMatchObject({ role: 'member' })
    stack.state.isFailing = false
    stack.clock.advance(250)
    await expect(stack.join(dave, lobby)).resolves.toMatchObject({ role: 'member' })
  })

  const kept: readonly [
    string,
    (stack: Awaited<ReturnType<typeof withBoth>>) => Promise<unknown>,
    readonly string[],
  ][] = [
    [
      'leave',
      ({ rooms, member }) => rooms.leave(member.principal, lobby),
      ['room lobby', 'member lobby alice', 'ban lobby carol'],
    ],
    [
      'leave of the owner',
      ({ rooms, owner }) => rooms.leave(owner.principal, lobby),
      ['room lobby', 'member lobby bob', 'ban lobby carol'],
    ],
    [
      'kick',
      ({ rooms, owner }) => rooms.kick(owner.principal, lobby, bob),
      ['room lobby', 'member lobby alice', 'ban lobby carol'],
    ],
    [
      'ban',
      ({ rooms, owner }) => rooms.ban(owner.principal, lobby, bob),
      ['room lobby', 'member lobby alice', 'ban lobby bob', 'ban lobby carol'],
    ],
    [
      'unban',
      ({ rooms, owner }) => rooms.unban(owner.principal, lobby, carol),
      ['room lobby', 'member lobby alice', 'member lobby bob'],
    ],
  ]
  test.each(kept)('a change is in force, refused and saved later: %s', async (_what, change, after) => {
    const stack = await withBoth()
    const before = await keysIn(stack)
    stack.state.isFailing = true
    await expect(change(stack)).rejects.toEqual(refusal('COMMIT_FAILED'))
    // The repeat does not hide that it is not saved.
    await expect(change(stack)).rejects.toEqual(refusal('COMMIT_FAILED'))
    stack.clock.advance(1_000)
    expect(await keysIn(stack)).toEqual(before)
    stack.state.isFailing = false
    stack.clock.advance(250)
    await expect.poll(() => keysIn(stack)).toEqual(after)
    expect((await restarted(stack)).registry.require(lobby).standingOf(bob)).toBe(
      stack.registry.require(lobby).standingOf(bob),
    )
  })

  test('the last one out takes the room and its log along later', async () => {
    const stack = await withBoth()
    await stack.rooms.leave(stack.member.principal, lobby)
    stack.state.isFailing = stack.log.isFailing = true
    await expect(stack.rooms.leave(stack.owner.principal, lobby)).rejects.toEqual(refusal('COMMIT_FAILED'))
    expect(stack.registry.count).toBe(0)
    stack.state.isFailing = stack.log.isFailing = false
    expect((await stack.log.head(lobby)).seq).toBeGreaterThan(0)
    stack.clock.advance(250)
    await expect.poll(() => keysIn(stack)).toEqual(['ban lobby carol'])
    expect((await stack.log.head(lobby)).seq).toBe(0)
    // Of a room that is gone: it binds nobody, and the next start clears it away.
    const { join, connect } = await restarted(stack)
    expect(await keysIn(stack)).toEqual([])
    await expect(join(connect('carol'), lobby)).resolves.toMatchObject({ role: 'owner' })
  })

  test('the end of the process is a last attempt', async () => {
    const stack = await withBoth()
    const { timers } = stack.clock
    stack.state.isFailing = true
    await expect(stack.rooms.ban(stack.owner.principal, lobby, userId('dave'))).rejects.toEqual(
      refusal('COMMIT_FAILED'),
    )
    expect(stack.clock.timers).toBe(timers + 1)
    stack.state.isFailing = false
    await stack.shutDown()
    expect(await keysIn(stack)).toContain('ban lobby dave')
    expect(stack.clock.timers).toBe(timers)
  })
})

describe('keys that wait for the disk', () => {
  const kick = ({ rooms, owner }: Awaited<ReturnType<typeof withBoth>>, user: string) =>
    rooms.kick(owner.principal, lobby, userId(user))

  async function withThree(maxUnsettledKeys: number) {
    const stack = await withBoth({ maxUnsettledKeys })
    await stack.join(stack.connect('dave'), lobby)
    return stack
  }

  test('are as many as the limit when they are noted', async () => {
    const stack = await withThree(4)
    stack.state.isFailing = true
    await expect(kick(stack, 'bob')).rejects.toEqual(refusal('COMMIT_FAILED'))
    await expect(kick(stack, 'dave')).rejects.toEqual(refusal('COMMIT_FAILED'))
    expect(stack.registry.require(lobby).memberCount).toBe(1)
  })

  test('refuse one more, which then has not happened', async () => {
    const stack = await withThree(3)
    stack.state.isFailing = true
    await expect(kick(stack, 'bob')).rejects.toEqual(refusal('COMMIT_FAILED'))
    await expect(kick(stack, 'dave')).rejects.toEqual(refusal('LOG_UNAVAILABLE'))
    await expect(stack.rooms.ban(stack.owner.principal, lobby, userId('dave'))).rejects.toEqual(
      refusal('LOG_UNAVAILABLE'),
    )
    await expect(stack.rooms.unban(stack.owner.principal, lobby, carol)).rejects.toEqual(refusal('LOG_UNAVAILABLE'))
    await expect(stack.rooms.leave(stack.owner.principal, lobby)).rejects.toEqual(refusal('LOG_UNAVAILABLE'))
    const room = stack.registry.require(lobby)
    expect([room.memberCount, room.banCount]).toEqual([2, 1])
    stack.state.isFailing = false
    stack.clock.advance(250)
    await expect.poll(() => kick(stack, 'dave').catch(() => undefined)).toMatchObject({ changed: true })
  })

  test('count on their way, too', async () => {
    const stack = await withThree(3)
    stack.state.hold()
    const first = kick(stack, 'bob')
    await expect(kick(stack, 'dave')).rejects.toEqual(refusal('LOG_UNAVAILABLE'))
    stack.state.letGo()
    await first
    await expect(kick(stack, 'dave')).resolves.toMatchObject({ changed: true })
  })
})
