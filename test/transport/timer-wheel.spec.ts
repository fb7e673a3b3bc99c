import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { TimerWheel, type Timed } from '../../src/transport/timer-wheel.js'
import { ManualClock } from '../support/manual-clock.js'

const DUE_MS = 1_000

function crowd(count: number) {
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock, 64)
  const met: number[] = []
  const entries = Array.from({ length: count }, (_, index): Timed => {
    return { wheelSlot: -1, dueAtMs: 0, onDue: () => void met.push(index) }
  })
  for (const entry of entries) wheel.schedule(entry, clock.uptimeMs() + DUE_MS)
  return { clock, wheel, met, entries }
}
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)

test.each([
  [64, 64, 64],
  [65, 64, 65],
  [200, 64, 128],
])('of %i that are due at once %i are met at once, and %i a turn later', async (count, atOnce, later) => {
  const { clock, met } = crowd(count)
  clock.advance(DUE_MS)
  expect(met).toEqual(upTo(atOnce))
  await nextTurn()
  expect(met).toEqual(upTo(later))
  for (let turn = 0; turn < 4; turn += 1) await nextTurn()
  expect(met).toEqual(upTo(count))
})

test('who is taken off or put off while it waits for its turn is not met', async () => {
  const { clock, wheel, met, entries } = crowd(67)
  clock.advance(DUE_MS)
  const [, , , gone, later] = entries.slice(61)
  if (gone === undefined || later === undefined) throw new Error('too few')
  wheel.cancel(gone)
  wheel.schedule(later, clock.uptimeMs() + DUE_MS)
  await nextTurn()
  expect(met).toEqual([...upTo(64), 66])
  clock.advance(DUE_MS)
  expect(met).toEqual([...upTo(64), 66, 65])
})

test('a deadline that comes while others wait for their turn is met behind them', async () => {
  const { clock, wheel, met } = crowd(65)
  wheel.schedule({ wheelSlot: -1, dueAtMs: 0, onDue: () => void met.push(1_000) }, clock.uptimeMs() + DUE_MS + 250)
  clock.advance(DUE_MS)
  clock.advance(250)
  expect(met).toEqual(upTo(64))
  await nextTurn()
  expect(met).toEqual([...upTo(65), 1_000])
})
