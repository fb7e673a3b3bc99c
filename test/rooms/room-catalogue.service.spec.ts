import { describe, expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import type { RoomId } from '../../src/protocol/ids.js'
import { roomsPayloads } from '../../src/rooms/rooms.contract.js'
import { roomId, userId } from '../delivery/names.js'
import { refusal, startRooms } from './room-stack.js'

const lobby = roomId('lobby')
const longName = (index: number, prefix: string) => `${prefix}${String(index).padStart(127, '0')}`
const listPage = (page?: { after?: string; limit?: number }) => roomsPayloads['rooms.list'].parse(page)
const memberPage = (page: { after?: string; limit?: number } = {}) =>
  roomsPayloads['rooms.members'].parse({ room: lobby, ...page })

describe('rooms.list', () => {
  test('pages by name', async () => {
    const { connect, join, catalogue } = startRooms()
    const alice = connect('alice')
    for (const name of ['c', 'a', 'b']) await join(alice, roomId(name))
    expect(catalogue.list(listPage({ limit: 2 }))).toEqual({
      rooms: [
        { room: 'a', members: 1, online: 1 },
        { room: 'b', members: 1, online: 1 },
      ],
      more: true,
    })
    expect(catalogue.list(listPage({ after: 'b', limit: 2 }))).toMatchObject({ rooms: [{ room: 'c' }], more: false })
    expect(catalogue.list(listPage())).toMatchObject({ more: false })
  })

  test('takes a limit of 100 and not of 101', () => {
    expect(roomsPayloads['rooms.list'].safeParse({ limit: 100 }).success).toBe(true)
    expect(roomsPayloads['rooms.list'].safeParse({ limit: 101 }).success).toBe(false)
    expect(roomsPayloads['rooms.list'].safeParse({ limit: 0 }).success).toBe(false)
  })
})

describe('rooms.info', () => {
  test('tells counts, owner and position', async () => {
    const { connect, join, catalogue, clock, log } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob')]
    await join(alice, lobby)
    await join(bob, lobby)
    bob.connection.close(1000)
    expect(await catalogue.info(lobby)).toEqual({
      room: lobby,
      members: 2,
      online: 1,
      owner: 'alice',
      createdAtMs: clock.now(),
      ...(await log.head(lobby)),
    })
  })

  test('finds no unknown room', async () => {
    const { catalogue } = startRooms()
    await expect(catalogue.info(lobby)).rejects.toEqual(refusal('ROOM_NOT_FOUND'))
  })
})

describe('rooms.members', () => {
  test('pages members with role and presence', async () => {
    const { connect, join, catalogue } = startRooms()
    const [carol, alice, bob] = [connect('carol'), connect('alice', { username: 'Alice A.' }), connect('bob')]
    for (const device of [carol, alice, bob]) await join(device, lobby)
    alice.connection.close(1000)
    expect(catalogue.members(carol.principal, memberPage({ limit: 2 }))).toEqual({
      members: [
        { user: 'alice', username: 'Alice A.', role: 'member', online: false },
        { user: 'bob', username: 'bob', role: 'member', online: true },
      ],
      more: true,
    })
    expect(catalogue.members(carol.principal, memberPage({ after: 'bob' }))).toEqual({
      members: [{ user: 'carol', username: 'carol', role: 'owner', online: true }],
      more: false,
    })
  })

  test('takes a limit of 200 and not of 201', () => {
    const accepts = (limit: number): boolean =>
      roomsPayloads['rooms.members'].safeParse({ room: 'lobby', limit }).success
    expect([1, 200].map(accepts)).toEqual([true, true])
    expect([0, 201].map(accepts)).toEqual([false, false])
  })

  test('are told to members and the system only', async () => {
    const { connect, join, rooms, catalogue } = startRooms()
    const [alice, bob] = [connect('alice'), connect('bob')]
    await join(alice, lobby)
    const asked = (principal = bob.principal) => catalogue.members(principal, memberPage())
    expect(() => asked()).toThrow('only members')
    await rooms.ban(alice.principal, lobby, userId('bob'))
    expect(() => asked()).toThrow('banned')
    expect(asked(connect('bot', { role: 'service' }).principal).members).toHaveLength(1)
  })

  test.each([4096, 65_536])('fit a frame of %i bytes with the longest names', async (maxFrameBytes) => {
    const { connect, join, catalogue } = startRooms({
      NESTWIRE_MAX_FRAME_BYTES: String(maxFrameBytes),
      NESTWIRE_MAX_MESSAGE_BYTES: '3000',
    })
    const lobbyist = connect(longName(0, 'u'))
    await join(lobbyist, lobby)
    for (let index = 1; index < 220; index += 1) {
      await join(connect(longName(index, 'u'), { username: longName(index, 'n') }), lobby)
    }
    const reply = catalogue.members(lobbyist.principal, memberPage())
    expect(reply.more).toBe(true)
    expect(encodeBody(reply).length).toBeLessThan(maxFrameBytes - 6)
    const rooms: RoomId[] = Array.from({ length: 110 }, (_, index) => roomId(longName(index, 'r')))
    for (const room of rooms) await join(lobbyist, room)
    const list = catalogue.list(listPage())
    expect(list.more).toBe(true)
    expect(encodeBody(list).length).toBeLessThan(maxFrameBytes - 6)
  })
})
