/** How long a room waits before its next batch: two people never, a crowd until messages have gathered. */
import { expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import { ManualClock } from '../support/manual-clock.js'
import { ManualEndOfTick } from './manual-end-of-tick.js'
import { RecordingConnection } from './recording-connection.js'
import { from1To, lobby, seqs, text } from './router-stack.js'

const LONGEST_WINDOW_MS = 8

/** Time stands still unless it is moved. */
async function startRoomOf(count: number) {
  const time = { nowMs: 1_000 }
  const tick = new ManualEndOfTick()
  const settings = new Settings(loadSettings({}))
  const clock = new ManualClock()
  const log = new MemoryRoomLog(settings, clock)
  const parts = { log, settings, clock, nowMs: () => time.nowMs, nextTick: tick.schedule, flush: () => undefined }
  const router = new BackpressureRouter(parts)
  const members = Array.from({ length: count }, () => new RecordingConnection())
  await router.open(lobby)
  for (const member of members) router.attach(lobby, member)
  const say = (body: string) => router.append(lobby, text(body), 'normal')
  const hearing = (records: number) => members.filter((member) => member.records.length === records).length
  return { time, tick, members, say, hearing }
}

test('two people hear each message at the end of its own tick', async () => {
  const { tick, members, say } = await startRoomOf(2)
  for (let n = 1; n <= 20; n += 1) {
    await say(`m${n}`)
    tick.end()
    for (const { records } of members) expect(seqs(records)).toEqual(from1To(n))
  }
})

test('a crowd hears what gathered in its window as one batch', async () => {
  const { time, tick, members, say, hearing } = await startRoomOf(1_000)
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(say))
  endTicksUntil(tick, () => hearing(5) === 1_000)
  for (const body of ['second', 'third']) {
    await say(body)
    tick.end()
  }
  expect(hearing(5)).toBe(1_000)
  time.nowMs += LONGEST_WINDOW_MS
  endTicksUntil(tick, () => hearing(7) === 1_000)
  for (const { frames, records } of members) {
    expect(frames).toHaveLength(2)
    expect(seqs(records)).toEqual([1, 2, 3, 4, 5, 6, 7])
  }
})

test('a crowd waits no longer when as many have spoken as were heard last', async () => {
  const { tick, members, say, hearing } = await startRoomOf(1_000)
  await Promise.all(['a', 'b', 'c'].map(say))
  endTicksUntil(tick, () => hearing(3) === 1_000)
  await Promise.all(['d', 'e'].map(say))
  tick.end()
  expect(hearing(3)).toBe(1_000)
  await say('f')
  endTicksUntil(tick, () => hearing(6) === 1_000)
  for (const { frames } of members) expect(frames).toHaveLength(2)
})

test('one voice in a crowd is heard message by message', async () => {
  const { tick, say, hearing } = await startRoomOf(1_000)
  for (let n = 1; n <= 3; n += 1) {
    await say(`m${n}`)
    endTicksUntil(tick, () => hearing(n) === 1_000)
  }
})

function endTicksUntil(tick: ManualEndOfTick, isOver: () => boolean): void {
  for (let slices = 0; !isOver() && slices < 1_000; slices += 1) tick.end()
  expect(isOver()).toBe(true)
}
