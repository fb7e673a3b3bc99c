import { describe, expect, test } from 'vitest'
import { roomId } from '../delivery/names.js'
import { startRooms } from './room-stack.js'

const lobby = roomId('lobby')

describe('presence of a small room', () => {
  test('tells the counts once for many changes', async () => {
    const { connect, join, clock } = startRooms()
    const devices = ['alice', 'bob', 'carol'].map((name) => connect(name))
    for (const device of devices) await join(device, lobby)
    clock.advance(1000)
    const frames = devices.map(({ connection }) => connection.frames.at(-1))
    expect(new Set(frames).size).toBe(1)
    for (const { connection } of devices) {
      expect(connection.events('rooms.presence')).toEqual([{ room: lobby, members: 3, online: 3 }])
    }
  })

  test('tells at most once an interval', async () => {
    const { connect, join, clock } = startRooms({ NESTWIRE_PRESENCE_INTERVAL_MS: '2000' })
    const alice = connect('alice')
    await join(alice, lobby)
    clock.advance(250)
    await join(connect('bob'), lobby)
    clock.advance(1750)
    expect(alice.connection.events('rooms.presence')).toHaveLength(1)
    clock.advance(500)
    expect(alice.connection.events('rooms.presence').at(-1)).toEqual({ room: lobby, members: 2, online: 2 })
  })

  test('tells of a connection that ended', async () => {
    const { connect, join, clock } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob')]
    await join(alice, lobby)
    await join(bob, lobby)
    clock.advance(2000)
    bob.connection.close(1000)
    clock.advance(2000)
    expect(alice.connection.events('rooms.presence')).toEqual([
      { room: lobby, members: 2, online: 2 },
      { room: lobby, members: 2, online: 1 },
    ])
  })

  test('says nothing while the counts stay and holds no timer', async () => {
    const { connect, join, clock } = startRooms()
    const alice = connect('alice')
    await join(alice, lobby)
    clock.advance(2000)
    expect(clock.timers).toBe(0)
    const second = connect('alice')
    await join(second, lobby)
    second.connection.close(1000)
    expect(clock.timers).toBe(0)
    clock.advance(60_000)
    expect(alice.connection.events('rooms.presence')).toHaveLength(1)
  })

  test('says nothing when a change was taken back in time', async () => {
    const { connect, join, rooms, clock } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob')]
    await join(alice, lobby)
    clock.advance(2000)
    await join(bob, lobby)
    await rooms.leave(bob.principal, lobby)
    clock.advance(60_000)
    expect(alice.connection.events('rooms.presence')).toHaveLength(1)
    expect(clock.timers).toBe(0)
  })

  test('is never logged', async () => {
    const { connect, join, log, clock } = startRooms()
    await join(connect('alice'), lobby)
    clock.advance(2000)
    expect((await log.head(lobby)).seq).toBe(1)
  })

  test('lets go of a room that was deleted', async () => {
    const { connect, join, rooms, clock } = startRooms()
    const alice = connect('alice')
    await join(alice, lobby)
    await rooms.leave(alice.principal, lobby)
    expect(clock.timers).toBe(0)
  })
})

test('a large room is told once in as many milliseconds as it has members', async () => {
  const { connect, join, clock } = startRooms({ NESTWIRE_ANNOUNCE_MEMBERS_MAX: '10' })
  const devices = Array.from({ length: 3000 }, (_, index) => connect(`user${index}`))
  for (const device of devices) await join(device, lobby)
  const [first, last] = [devices[0], devices.at(-1)]
  clock.advance(250)
  expect(first?.connection.events('rooms.presence')).toEqual([{ room: lobby, members: 3000, online: 3000 }])
  last?.connection.close(1000)
  clock.advance(2750)
  expect(first?.connection.events('rooms.presence')).toHaveLength(1)
  clock.advance(500)
  expect(first?.connection.events('rooms.presence').at(-1)).toEqual({ room: lobby, members: 3000, online: 2999 })
})
