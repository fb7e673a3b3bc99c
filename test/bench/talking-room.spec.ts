import { expect, test } from 'vitest'
import { TalkingRoom, type Seat } from '../../bench/load/talking-room.js'
import type { Talker } from '../../bench/load/publisher.js'
import { Samples } from '../../bench/statistics.js'

/** A member that is told its messages by the test. */
class Listener implements Talker {
  readonly fault = undefined
  readonly written: number[] = []
  readonly wire = {
    greeting: Buffer.alloc(0),
    isJoined: true,
    messages: 0,
    refusals: 0,
    fault: undefined,
    read: () => undefined,
    restart: () => undefined,
    publication: (number: number) => Buffer.of(number),
  }

  write(bytes: Buffer): void {
    this.written.push(bytes[0] ?? NaN)
  }
}

function openRoom(members: number, nodes: number) {
  const times = { sameNode: new Samples(), otherNode: new Samples() }
  const listeners = Array.from({ length: members }, () => new Listener())
  const seats: Seat[] = listeners.map((member, at) => ({ member, isAtHome: at % nodes === 0 }))
  const room = new TalkingRoom(seats, { nodes, times })
  const hear = (at: number, messages: number): void => {
    const listener = listeners[at]
    if (listener === undefined) throw new Error('nobody')
    listener.wire.messages += messages
    room.heard(listener, messages)
  }
  return { room, times, listeners, hear }
}

test('what did not come is lost, what came too often is a duplicate', () => {
  const { room, listeners, hear } = openRoom(3, 3)
  for (let said = 0; said < 4; said += 1) room.say()
  for (const [at, messages] of [4, 1, 6].entries()) hear(at, messages)
  expect(listeners[0]?.written).toEqual([0, 1, 2, 3])
  expect([room.expectedDeliveries, room.mistakes]).toEqual([12, { lost: 3, duplicates: 2 }])
})

test('receipts are told apart by node', () => {
  const { room, times, hear } = openRoom(4, 2)
  room.say()
  for (const at of [0, 1, 2]) hear(at, 1)
  expect([times.sameNode.length, times.otherNode.length]).toEqual([2, 1])
})

test.each([
  [300, 3],
  [1_000, 3],
  [1_000, 2],
])('of %i members those who are timed are at all of %i nodes alike', (members, nodes) => {
  const { room, times, hear } = openRoom(members, nodes)
  room.say()
  for (let at = 0; at < members; at += 1) hear(at, 1)
  const all = times.sameNode.length + times.otherNode.length
  expect(all).toBeLessThanOrEqual(30)
  expect(Math.abs(times.sameNode.length - all / nodes)).toBeLessThanOrEqual(1)
})

test('a burst ends when those who are listened to have it all', async () => {
  const { room, times, listeners, hear } = openRoom(2, 2)
  const burst = room.burst({ window: 3, messages: 5, durationMs: 60_000, stallMs: 60_000 })
  expect(listeners[0]?.written).toEqual([0, 1, 2])
  for (const at of [0, 1]) hear(at, 3)
  for (const at of [0, 1]) hear(at, 2)
  await burst
  expect([room.published, times.sameNode.length, times.otherNode.length]).toEqual([5, 5, 5])
})
