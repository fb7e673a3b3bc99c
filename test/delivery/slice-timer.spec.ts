/** How long a room waits before its next batch, by what its last fan-out cost; an offer is taken to cost 10 µs at first. */
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
