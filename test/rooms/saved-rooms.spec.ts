import { describe, expect, test } from 'vitest'
import { StartUpError } from '../../src/config/start-up-error.js'
import { MemoryStateStore } from '../../src/log/memory-state-store.js'
import type { StateKey } from '../../src/log/state-store.js'
import { encodeBanValue, encodeMemberValue, encodeRoomValue } from '../../src/rooms/room-values.js'
import { readRooms, readSharedRooms } from '../../src/rooms/saved-rooms.js'
import { userId } from '../delivery/names.js'

type Entry = readonly [StateKey, Buffer]

const roomEntry = (room: string, owner = 'alice', incarnation = 7): Entry => [
  ['room', room],
  encodeRoomValue({ incarnation, createdAtMs: 1_000, owner: userId(owner) }),
]
const memberEntry = (room: string, user: string, joinedAtMs: number, incarnation = 7): Entry => [
  ['member', room, user],
  encodeMemberValue({ incarnation, joinedAtMs, username: `${user}!` }),
]
const banEntry = (room: string, user: string, incarnation = 7): Entry => [
  ['ban', room, user],
  encodeBanValue({ incarnation }),
]

const read = async (...entries: readonly Entry[]) => readRooms(await stateOf(...entries))

async function stateOf(...entries: readonly Entry[]): Promise<MemoryStateStore> {
  const state = new MemoryStateStore()
  for (const [key, value] of entries) await state.put(key, value)
  return state
}

const [alice, bob, carol] = [userId('alice'), userId('bob'), userId('carol')]

describe('rooms of before', () => {
  test('come back with owner, members and bans', async () => {
    const { rooms, stale } = await read(
      roomEntry('attic', 'bob', 8),
      memberEntry('attic', 'bob', 5, 8),
      roomEntry('lobby'),
      memberEntry('lobby', 'alice', 1),
      memberEntry('lobby', 'bob', 2),
      banEntry('lobby', 'carol'),
    )
    expect(
      rooms.map(({ id, owner, memberCount, banCount, onlineCount, incarnation, createdAtMs }) => {
        return { id, owner, memberCount, banCount, onlineCount, incarnation, createdAtMs }
      }),
    ).toEqual([
      { id: 'attic', owner: 'bob', memberCount: 1, banCount: 0, onlineCount: 0, incarnation: 8, createdAtMs: 1_000 },
      { id: 'lobby', owner: 'alice', memberCount: 2, banCount: 1, onlineCount: 0, incarnation: 7, createdAtMs: 1_000 },
    ])
    expect(rooms[1]?.standingOf(carol)).toBe('banned')
    expect(rooms[1]?.member(bob)?.username).toBe('bob!')
    expect(rooms[1]?.memberPage(undefined, 9).names).toEqual([alice, bob])
    expect(stale).toEqual([])
  })

  test('have their members in the order of joining', async () => {
    const {
      rooms: [room],
    } = await read(
      roomEntry('lobby', 'carol'),
      memberEntry('lobby', 'alice', 30),
      memberEntry('lobby', 'bob', 20),
      memberEntry('lobby', 'carol', 10),
    )
    expect(room?.owner).toBe(carol)
    room?.remove(carol)
    expect(room?.owner).toBe(bob)
    room?.admit({ user: carol, username: 'carol' }, 25, 9)
    expect(room?.member(carol)?.joinedAtMs).toBe(31)
  })
})

describe('what does not fit', () => {
  test('entries of another incarnation do not count', async () => {
    const { rooms, stale } = await read(
      roomEntry('lobby'),
      memberEntry('lobby', 'alice', 1),
      memberEntry('lobby', 'bob', 2, 6),
      banEntry('lobby', 'carol', 6),
    )
    expect(rooms[0]?.standingOf(bob)).toBe('stranger')
    expect(rooms[0]?.standingOf(carol)).toBe('stranger')
    expect(stale).toEqual([
      ['ban', 'lobby', 'carol'],
      ['member', 'lobby', 'bob'],
    ])
  })

  test('entries without a room do not count', async () => {
    expect(await read(memberEntry('lobby', 'bob', 2), banEntry('lobby', 'carol'))).toEqual({
      rooms: [],
      stale: [
        ['ban', 'lobby', 'carol'],
        ['member', 'lobby', 'bob'],
      ],
    })
  })

  test('a room without members is none', async () => {
    expect(await read(roomEntry('lobby'), banEntry('lobby', 'carol'))).toEqual({
      rooms: [],
      stale: [
        ['room', 'lobby'],
        ['ban', 'lobby', 'carol'],
      ],
    })
  })

  test('a member who is banned is none', async () => {
    const { rooms, stale } = await read(
      roomEntry('lobby'),
      memberEntry('lobby', 'alice', 1),
      memberEntry('lobby', 'bob', 2),
      banEntry('lobby', 'bob'),
    )
    expect(rooms[0]?.standingOf(bob)).toBe('banned')
    expect(stale).toEqual([['member', 'lobby', 'bob']])
  })

  test('an owner who is no member is followed by the first', async () => {
    const { rooms, stale } = await read(roomEntry('lobby'), memberEntry('lobby', 'bob', 2))
    expect(rooms[0]?.owner).toBe(bob)
    expect(stale).toEqual([['room', 'lobby']])
  })

  const unreadable: readonly [string, Entry][] = [
    ['["ban", "lobby", "bob"]', [['ban', 'lobby', 'bob'], Buffer.of(9)]],
    ['["member", "lobby", "bob"]', [['member', 'lobby', 'bob'], Buffer.alloc(3)]],
    ['["room", "lobby"]', [['room', 'lobby'], Buffer.alloc(0)]],
    ['["room", ""]', [['room', ''], roomEntry('lobby')[1]]],
    ['["member", "lobby"]', [['member', 'lobby'], memberEntry('lobby', 'bob', 1)[1]]],
  ]
  test.each(unreadable)('an entry that cannot be read stops the start: %s', async (place, entry) => {
    const reading = read(roomEntry('attic'), entry)
    await expect(reading).rejects.toBeInstanceOf(StartUpError)
    await expect(reading).rejects.toThrow(`the entry ${place} in the data folder (NESTWIRE_DATA_DIR) cannot be read: `)
  })

  test('an entry of a cluster that cannot be read is told to be in NATS', async () => {
    const reading = readSharedRooms(await stateOf([['room', 'lobby'], Buffer.alloc(0)]))
    await expect(reading).rejects.toBeInstanceOf(StartUpError)
    await expect(reading).rejects.toThrow(
      'the entry ["room", "lobby"] in the bucket NESTWIRE_CLUSTER_NAME-state of NATS cannot be read: ',
    )
  })
})
