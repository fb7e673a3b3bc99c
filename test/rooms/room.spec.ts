import { describe, expect, test } from 'vitest'
import { MAX_BANS_PER_ROOM, Room } from '../../src/rooms/room.js'
import { roomId, userId } from '../delivery/names.js'

const [alice, bob, carol] = [userId('alice'), userId('bob'), userId('carol')]
const person = (name: string) => ({ user: userId(name), username: name })
const roomOf = (...names: string[]): Room => {
  const room = new Room(roomId('lobby'), { founder: alice, createdAtMs: 0, incarnation: 1 })
  for (const name of names) room.admit(person(name), 0, 100)
  return room
}

describe('membership', () => {
  test('makes the founder the owner, whoever enters first', () => {
    const room = roomOf('bob', 'alice')
    expect(room.standingOf(alice)).toBe('owner')
    expect(room.standingOf(bob)).toBe('member')
    expect(room.standingOf(carol)).toBe('stranger')
  })

  test('is idempotent', () => {
    const room = roomOf('alice')
    expect(room.admit(person('alice'), 9, 100)).toBe('already')
    expect(room.memberCount).toBe(1)
    expect(room.remove(alice)).toBe('removed')
    expect(room.remove(alice)).toBe('absent')
  })

  test('takes as many members as the limit and no more', () => {
    const room = roomOf('alice')
    expect(room.admit(person('bob'), 0, 2)).toBe('joined')
    expect(room.admit(person('carol'), 0, 2)).toBe('full')
    expect(room.admit(person('bob'), 0, 2)).toBe('already')
  })

  test('passes ownership to the member of longest standing', () => {
    const room = roomOf('alice', 'carol', 'bob')
    room.remove(alice)
    expect(room.owner).toBe(carol)
    room.admit(person('alice'), 0, 100)
    expect(room.standingOf(alice)).toBe('member')
  })
})

describe('bans', () => {
  test('bar the way back in until lifted', () => {
    const room = roomOf('alice')
    expect(room.ban(bob)).toBe('banned')
    expect(room.ban(bob)).toBe('already')
    expect(room.standingOf(bob)).toBe('banned')
    expect(room.admit(person('bob'), 0, 100)).toBe('banned')
    expect(room.unban(bob)).toBe('unbanned')
    expect(room.unban(bob)).toBe('absent')
    expect(room.admit(person('bob'), 0, 100)).toBe('joined')
  })

  test('are bounded', () => {
    const room = roomOf('alice')
    for (let index = 1; index < MAX_BANS_PER_ROOM; index += 1) room.ban(userId(`u${index}`))
    expect(room.ban(bob)).toBe('banned')
    expect(room.ban(carol)).toBe('full')
    expect(room.ban(bob)).toBe('already')
  })
})

describe('presence of members', () => {
  test('counts users, not devices', () => {
    const room = roomOf('alice', 'bob')
    room.deviceArrived(alice)
    room.deviceArrived(alice)
    expect(room.onlineCount).toBe(1)
    room.deviceLeft(alice)
    expect(room.onlineCount).toBe(1)
    room.deviceLeft(alice)
    room.deviceLeft(alice)
    expect(room.onlineCount).toBe(0)
  })

  test('ends with the membership', () => {
    const room = roomOf('alice', 'bob')
    room.deviceArrived(bob)
    room.remove(bob)
    room.deviceLeft(bob)
    expect(room.onlineCount).toBe(0)
  })
})
