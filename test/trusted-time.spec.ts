import { expect, test } from 'vitest'
import { TrustedTime } from '../src/trusted-time.js'
import { ManualClock } from './support/manual-clock.js'

const MINUTE_MS = 60_000
const YEAR_MS = 365 * 86_400_000

function start() {
  const clock = new ManualClock()
  return { clock, time: new TrustedTime(clock), startMs: clock.now() }
}

test('goes with the wall clock', () => {
  const { clock, time, startMs } = start()
  clock.advance(5_000)
  expect(time.now()).toBe(startMs + 5_000)
})

test('a clock that is set ahead by a minute is believed, by a millisecond more it is not', () => {
  const { clock, time, startMs } = start()
  clock.setWallClock(startMs + MINUTE_MS)
  expect(time.now()).toBe(startMs + MINUTE_MS)
  clock.setWallClock(startMs + 2 * MINUTE_MS + 1)
  expect(time.now()).toBe(startMs + MINUTE_MS)
})

test('time goes on while the clock is not believed', () => {
  const { clock, time, startMs } = start()
  clock.setWallClock(startMs + YEAR_MS)
  time.now()
  clock.advance(5_000)
  expect(time.now()).toBe(startMs + 5_000)
})

test('a clock that stays where it was set is believed after ten minutes', () => {
  const { clock, time, startMs } = start()
  clock.setWallClock(startMs + YEAR_MS)
  time.now()
  clock.advance(10 * MINUTE_MS - 1)
  expect(time.now()).toBe(startMs + 10 * MINUTE_MS - 1)
  clock.advance(1)
  expect(time.now()).toBe(startMs + YEAR_MS + 10 * MINUTE_MS)
})

test('a clock that is set again and again is not', () => {
  const { clock, time, startMs } = start()
  for (let minute = 1; minute <= 20; minute += 1) {
    clock.setWallClock(startMs + minute * YEAR_MS)
    expect(time.now()).toBe(startMs + (minute - 1) * MINUTE_MS)
    clock.advance(MINUTE_MS)
  }
})

test('a clock that is set right again was never wrong', () => {
  const { clock, time, startMs } = start()
  clock.setWallClock(startMs + YEAR_MS)
  time.now()
  clock.advance(9 * MINUTE_MS)
  clock.setWallClock(startMs + 9 * MINUTE_MS)
  expect(time.now()).toBe(startMs + 9 * MINUTE_MS)
  clock.setWallClock(startMs + YEAR_MS)
  clock.advance(9 * MINUTE_MS)
  expect(time.now()).toBe(startMs + 18 * MINUTE_MS)
})

test('a clock that is set back is believed at once', () => {
  const { clock, time, startMs } = start()
  clock.setWallClock(startMs - YEAR_MS)
  expect(time.now()).toBe(startMs - YEAR_MS)
})
