/** Where a room is served follows from what of it waits. Seen by who hears first of two crowds that wait together. */
import { expect, test } from 'vitest'
import type { DeliveryPriority } from '../../src/delivery/room-delivery.js'
import { roomId } from './names.js'
import { RecordingConnection } from './recording-connection.js'
import { startRouter } from './router-stack.js'

const CROWD = 1_000
/** A turn of each slice goes to the low lane until that had its twentieth; then it waits. */
const LEAST_SHARE = 0.15
const MOST_SHARE = 0.8
/** The normal lane has a fifth of all offers beside a high one. */
const NORMAL_SHARE = 0.3
const CONGESTED_FROM = 10
/** Offers seem so slow that slices, and turns with them, are small. */
const MS_PER_LOOK = 50
const env = { NESTWIRE_LANE_MAX_MESSAGES: String(CONGESTED_FROM) }

async function startRooms(over: Record<string, string> = {}) {
  const { router, tick, say } = startRouter(over, MS_PER_LOOK)
  const room = async (name: string) => {
    const id = roomId(name)
    const members = Array.from({ length: CROWD }, () => new RecordingConnection())
    await router.open(id)
    for (const member of members) router.attach(id, member)
    /** How many of the room have been offered so many batches. */
    const heard = (batches = 1): number => members.filter(({ frames }) => frames.length >= batches).length
    return { heard, say: (body: string, priority?: DeliveryPriority) => say(body, priority, id) }
  }
  const endTicksUntil = (isOver: () => boolean): void => {
    for (let slices = 0; !isOver() && slices < 10_000; slices += 1) tick.end()
    expect(isOver()).toBe(true)
  }
  const rooms = { watched: await room('watched'), other: await room('other') }
  return { ...rooms, router, tick, endTicksUntil }
}

/** The normal lane is full of what the other room says. */
async function startCongested() {
  const rooms = await startRooms(env)
  for (let n = 0; n < CONGESTED_FROM; n += 1) await rooms.other.say(`m${n}`)
  expect(rooms.router.status).toBe('congested')
  return rooms
}

test('a room stays high while a high message waits, whatever is degraded behind it', async () => {
  const { watched, other, endTicksUntil } = await startCongested()
  await watched.say('high', 'high')
  await watched.say('degraded')
  endTicksUntil(() => watched.heard() === CROWD)
  expect(other.heard()).toBeLessThan(CROWD * NORMAL_SHARE)
})

/** A high message is under way, and `behind` waits for it to have gone out, as something normal does elsewhere. */
async function startBehindHigh(behind: DeliveryPriority) {
  const rooms = await startRooms()
  await rooms.watched.say('high', 'high')
  rooms.tick.end()
  await rooms.watched.say('behind it', behind)
  rooms.endTicksUntil(() => rooms.watched.heard() === CROWD)
  await rooms.other.say('normal')
  return rooms
}

test('a room that was high is normal when that is all that waits', async () => {
  const { watched, other, endTicksUntil } = await startBehindHigh('normal')
  endTicksUntil(() => watched.heard(2) === CROWD)
  expect(other.heard()).toBeGreaterThan(CROWD * MOST_SHARE)
})

test('a room that was high is low when that is all that waits', async () => {
  const { watched, other, endTicksUntil } = await startBehindHigh('low')
  endTicksUntil(() => other.heard() === CROWD)
  expect(watched.heard(2)).toBeLessThan(CROWD * LEAST_SHARE)
})

test('a degraded message takes its whole room down, and a notice does not lift it', async () => {
  const { watched, other, endTicksUntil } = await startRooms(env)
  await watched.say('normal')
  for (let n = 1; n < CONGESTED_FROM; n += 1) await other.say(`m${n}`)
  await watched.say('degraded')
  await watched.say('joined', 'notice')
  endTicksUntil(() => other.heard() === CROWD)
  expect(watched.heard()).toBeLessThan(CROWD * LEAST_SHARE)
})

test('a low message does not take a room down, and a normal one lifts it', async () => {
  const { watched, other, endTicksUntil } = await startRooms()
  await watched.say('low', 'low')
  await watched.say('normal')
  await watched.say('low again', 'low')
  await other.say('normal')
  endTicksUntil(() => other.heard() === CROWD)
  expect(watched.heard()).toBeGreaterThan(CROWD * MOST_SHARE)
})

test('a high message lifts a room that was degraded', async () => {
  const { watched, other, endTicksUntil } = await startCongested()
  await watched.say('degraded')
  await watched.say('high', 'high')
  endTicksUntil(() => watched.heard() === CROWD)
  expect(other.heard()).toBeLessThan(CROWD * NORMAL_SHARE)
})
