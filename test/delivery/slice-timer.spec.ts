/**
 * How much fits a slice of 0.5 ms, and how long a room waits before its next batch, by what offers have cost; one is taken
 * to cost 10 µs at first.
 */
import { expect, test } from 'vitest'
import { SliceTimer } from '../../src/delivery/slice-timer.js'

const NOW_MS = 1_000
const COST_OF_100 = 1
const windowMs = (offers: number, isThin: boolean): number => {
  const startMs = new SliceTimer(() => NOW_MS).notBefore(offers, isThin)
  return startMs === 0 ? 0 : Number((startMs - NOW_MS).toFixed(6))
}

test.each([
  [49, 0],
  [50, 0.05],
  [100, COST_OF_100 / 10],
  [2_000, 2],
  [2_001, 2],
])('many after many: after %i offers %f ms', (offers, ms) => expect(windowMs(offers, false)).toBe(ms))

test.each([
  [49, 0],
  [50, 0.5],
  [100, COST_OF_100],
  [800, 8],
  [801, 8],
])('few after many: after %i offers %f ms', (offers, ms) => expect(windowMs(offers, true)).toBe(ms))

/** After `count` slices as large as the timer says, or as there is to do, of offers that cost so much: how large the next may be. */
function slices() {
  let nowMs = NOW_MS
  const timer = new SliceTimer(() => nowMs)
  return (count: number, offerMs: number, toDo = Infinity): number => {
    for (let time = 0; time < count; time += 1) {
      timer.begin(false)
      const offers = Math.min(timer.maxOffers, toDo)
      nowMs += offers * offerMs
      timer.end(offers)
    }
    return timer.maxOffers
  }
}

test('a slice holds what takes 0.5 ms', () => {
  expect(slices()(100, 0.005)).toBeGreaterThan(95)
})

test('a slice that the machine interrupted shortens the next ones little', () => {
  const make = slices()
  expect(make(1, 1)).toBeGreaterThan(30)
  expect(make(20, 0.01)).toBeGreaterThan(48)
})

test('slices that became short grow again when offers are cheap again', () => {
  const make = slices()
  expect(make(50, 1)).toBe(16)
  expect(make(200, 0.01)).toBeGreaterThan(48)
})

test('a slice of one offer says next to nothing of what the others cost', () => {
  expect(slices()(10, 1, 1)).toBeGreaterThan(45)
})

/** How large a slice may be that leaves work, and comes when the event loop has done else for so long. */
function afterOthers(othersMs: number, isNext = true): number {
  let nowMs = NOW_MS
  const timer = new SliceTimer(() => nowMs)
  timer.begin(false)
  timer.end(0)
  nowMs += othersMs
  timer.begin(isNext)
  return timer.maxOffers
}

test.each([
  [9, 50],
  [10, 100],
  [16, 400],
  [17, 400],
])('a slice that comes after %i ms of other work holds %i offers', (othersMs, offers) => {
  expect(afterOthers(othersMs)).toBe(offers)
})

test('the first slice after a pause is no longer than others', () => {
  expect(afterOthers(1_000, false)).toBe(50)
})
