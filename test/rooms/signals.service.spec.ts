import { describe, expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { roomsPayloads } from '../../src/rooms/rooms.contract.js'
import { ROOM_SIGNAL_OFFERS_PER_SECOND } from '../../src/rooms/signal-rate.js'
import { MAX_SIGNAL_BYTES } from '../../src/rooms/signals.service.js'
import { roomId } from '../delivery/names.js'
import { refusal, startRooms, type Device } from './room-stack.js'

const lobby = roomId('lobby')

async function lobbyWith(names: readonly string[], env: Record<string, string> = {}) {
  const stack = startRooms(env)
  const devices = new Map<string, Device>()
  for (const name of names) {
    const device = stack.connect(name)
    devices.set(name, device)
    await stack.join(device, lobby)
  }
  const heardBy = (name: string) => devices.get(name)?.connection.events('rooms.signal')
  const signal = (device: Device, data?: unknown) => stack.signals.signal(device, { room: lobby, name: 'typing', data })
  const person = (name: string): Device => devices.get(name) ?? stack.connect(name)
  return { ...stack, person, heardBy, signal }
}

describe('a signal', () => {
  test('is told to all who are connected but to the connection that sent it', async () => {
    const { person, heardBy, signal, connect, join } = await lobbyWith(['alice', 'bob', 'carol'])
    const phone = connect('alice')
    await join(phone, lobby)
    expect(signal(person('alice'), { isTyping: true })).toEqual({ room: lobby })
    const event = { room: lobby, name: 'typing', from: 'alice', data: { isTyping: true } }
    expect(['alice', 'bob', 'carol'].map(heardBy)).toEqual([[], [event], [event]])
    expect(phone.connection.events('rooms.signal')).toEqual([event])
  })

  test('is one frame for all', async () => {
    const { person, signal } = await lobbyWith(['alice', 'bob', 'carol'])
    signal(person('alice'))
    expect(person('bob').connection.frames.at(-1)).toBe(person('carol').connection.frames.at(-1))
  })

  test('without data has none', async () => {
    const { person, heardBy, signal } = await lobbyWith(['alice', 'bob'])
    signal(person('alice'))
    expect(heardBy('bob')).toEqual([{ room: lobby, name: 'typing', from: 'alice' }])
  })

  test('is never logged', async () => {
    const { person, signal, log } = await lobbyWith(['alice', 'bob'])
    signal(person('alice'))
    expect((await log.head(lobby)).seq).toBe(2)
  })

  test('passes by who has no room for it', async () => {
    const { person, heardBy, signal } = await lobbyWith(['alice', 'bob', 'carol'])
    person('bob').connection.roomForFrames = 0
    signal(person('alice'))
    expect(['bob', 'carol'].map((name) => heardBy(name)?.length)).toEqual([0, 1])
    expect(person('bob').connection.closeCode).toBeUndefined()
  })

  test('is refused from who is no member, and taken from the system', async () => {
    const { connect, heardBy, signal } = await lobbyWith(['alice'])
    expect(() => signal(connect('mallory'))).toThrow(refusal('NOT_A_MEMBER'))
    signal(connect('bot', { role: 'service' }), 'hello')
    expect(heardBy('alice')).toEqual([{ room: lobby, name: 'typing', from: 'bot', data: 'hello' }])
  })

  test('to a room that does not exist is refused', async () => {
    const { connect, signals } = startRooms()
    expect(() => signals.signal(connect('alice'), { room: lobby, name: 'typing' })).toThrow(refusal('ROOM_NOT_FOUND'))
  })
})

describe('bounds of a signal', () => {
  /** Three bytes stand before the content. */
  const dataOf = (bytes: number): Buffer => Buffer.alloc(bytes - 3)

  test('its data has at most 1,024 bytes of MessagePack', async () => {
    const { person, heardBy, signal } = await lobbyWith(['alice', 'bob'])
    const largest = dataOf(MAX_SIGNAL_BYTES)
    expect(encodeBody(largest)).toHaveLength(MAX_SIGNAL_BYTES)
    signal(person('alice'), largest)
    expect(() => signal(person('alice'), dataOf(MAX_SIGNAL_BYTES + 1))).toThrow(refusal('MESSAGE_TOO_LARGE'))
    expect(heardBy('bob')).toHaveLength(1)
  })

  test.each([
    ['nothing', '', false],
    ['one byte', 'x', true],
    ['64 bytes', 'ü'.repeat(32), true],
    ['65 bytes', `${'ü'.repeat(32)}x`, false],
  ])('a name of %s', (_what, name, isGood) => {
    expect(roomsPayloads['rooms.signal'].safeParse({ room: 'lobby', name }).success).toBe(isGood)
  })

  test('a session sends as many a second as it may', async () => {
    const { person, heardBy, signal, clock } = await lobbyWith(['alice', 'bob', 'carol'], {
      NESTWIRE_SIGNALS_PER_SECOND: '2',
    })
    signal(person('alice'))
    signal(person('alice'))
    expect(() => signal(person('alice'))).toThrow(refusal('RATE_LIMITED'))
    // Others are free, and half a second gives one more.
    signal(person('carol'))
    clock.advance(499)
    expect(() => signal(person('alice'))).toThrow(refusal('RATE_LIMITED'))
    clock.advance(1)
    signal(person('alice'))
    expect(heardBy('bob')).toHaveLength(4)
  })

  test('a room takes as many as its members cost, of the system too', async () => {
    const members = Array.from({ length: 100 }, (_, index) => `user${index}`)
    const { connect, heardBy, signal, clock } = await lobbyWith(members)
    const bot = connect('bot', { role: 'service' })
    const most = ROOM_SIGNAL_OFFERS_PER_SECOND / members.length
    for (let sent = 0; sent < most; sent += 1) signal(bot)
    expect(() => signal(bot)).toThrow(refusal('RATE_LIMITED'))
    clock.advance(5)
    signal(bot)
    expect(heardBy('user0')).toHaveLength(most + 1)
  })
})
