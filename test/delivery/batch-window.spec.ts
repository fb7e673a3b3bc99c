/** How long a room waits before its next batch: two people never, a crowd until messages have gathered. */
import { expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import { SoleWriter } from '../../src/log/sole-writer.js'
import { ManualClock } from '../support/manual-clock.js'
import { ManualEndOfTick } from './manual-end-of-tick.js'
import { roomId } from './names.js'
import { RecordingConnection } from './recording-connection.js'
import { from1To, lobby, seqs, text } from './router-stack.js'

const LONGEST_WINDOW_MS = 8

/** Timers under a time that is moved by hand. */
class ManualTimers {
  nowMs = 1_000
  private armed: { readonly dueAtMs: number; readonly task: () => void }[] = []

  readonly after = (delayMs: number, task: () => void): (() => void) => {
    expect(delayMs).toBe(Math.max(1, Math.floor(delayMs)))
    const timer = { dueAtMs: this.nowMs + delayMs, task }
    this.armed.push(timer)
    return () => void (this.armed = this.armed.filter((each) => each !== timer))
  }

  /** Milliseconds until each is due. */
  get delays(): readonly number[] {
    return this.armed.map(({ dueAtMs }) => dueAtMs - this.nowMs)
  }

  pass(ms: number): void {
    this.nowMs += ms
    const due = this.armed.filter(({ dueAtMs }) => dueAtMs <= this.nowMs)
    this.armed = this.armed.filter(({ dueAtMs }) => dueAtMs > this.nowMs)
    for (const { task } of due) task()
  }
}

/** Time stands still unless it is moved. */
async function startRoomOf(count: number) {
  const time = new ManualTimers()
  const tick = new ManualEndOfTick()
  const settings = new Settings(loadSettings({}))
  const clock = new ManualClock()
  const log = new MemoryRoomLog(settings, clock)
  const router = new BackpressureRouter({
    log,
    journal: new SoleWriter(log, clock),
    settings,
    clock,
    nowMs: () => time.nowMs,
    nextTick: tick.schedule,
    after: time.after,
    marked: () => 0,
    flushBehind: () => undefined,
  })
  const members = Array.from({ length: count }, () => new RecordingConnection())
  await router.open(lobby)
  for (const member of members) router.attach(lobby, member)
  const say = (body: string) => router.append(lobby, text(body), 'normal')
  const hearing = (records: number) => members.filter((member) => member.records.length === records).length
  return { time, tick, router, members, say, hearing }
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
  time.pass(LONGEST_WINDOW_MS)
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

/** A crowd of whose messages one waits for its window. */
async function startWaitingCrowd() {
  const crowd = await startRoomOf(1_000)
  await Promise.all(['a', 'b', 'c'].map(crowd.say))
  endTicksUntil(crowd.tick, () => crowd.hearing(3) === 1_000)
  await crowd.say('d')
  crowd.tick.end()
  return crowd
}

test('a crowd that waits costs one timer and no turn of the loop', async () => {
  const { time, tick, hearing } = await startWaitingCrowd()
  expect([tick.waiting, time.delays.length, hearing(4)]).toEqual([0, 1, 0])
})

test('a crowd that waits is served within a millisecond of its time', async () => {
  const { time, tick, hearing } = await startWaitingCrowd()
  const [delayMs = 0] = time.delays
  time.pass(delayMs - 0.5)
  expect([tick.waiting, hearing(4)]).toEqual([0, 0])
  time.pass(0.5)
  expect(tick.waiting).toBe(1)
  time.pass(1)
  endTicksUntil(tick, () => hearing(4) === 1_000)
})

test('a crowd that waits goes on at once when enough have spoken, and its timer is gone', async () => {
  const { time, tick, say, hearing } = await startWaitingCrowd()
  await say('e')
  await say('f')
  expect([tick.waiting, time.delays]).toEqual([1, []])
  endTicksUntil(tick, () => hearing(6) === 1_000)
})

test('a small room does not wait for the window of a crowd', async () => {
  const { tick, router, hearing } = await startWaitingCrowd()
  const [duo, listener] = [roomId('duo'), new RecordingConnection()]
  await router.open(duo)
  router.attach(duo, listener)
  await router.append(duo, text('hi'), 'normal')
  tick.end()
  expect([listener.records.length, hearing(4)]).toEqual([1, 0])
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
