import { expect, test } from 'vitest'
import { growthsOf, isFlat } from './flatness.js'
import type { Vitals } from './vitals.js'

const sample = (second: number, memoryMb: number): Vitals => ({
  second,
  memoryMb,
  rssMb: 0,
  heapMb: 0,
  handles: 0,
  loopDelayMs: 0,
  connections: 0,
  rooms: 0,
  sessions: 0,
})
const series = (memoryAt: (second: number) => number): readonly Vitals[] =>
  Array.from({ length: 91 }, (_, second) => sample(second, memoryAt(second)))

test('what grows only at first is flat', () => {
  const [growth] = growthsOf(
    series((second) => Math.min(second, 60)),
    { memoryMb: 1 },
  )
  expect(growth).toEqual({ vital: 'memoryMb', grown: 0, mayGrow: 1 })
})

test('a steady leak is told by what it comes to in the last third', () => {
  const [leak] = growthsOf(
    series((second) => second / 2),
    { memoryMb: 14.9 },
  )
  expect(leak?.grown).toBeCloseTo(15)
  expect(leak !== undefined && isFlat(leak)).toBe(false)
  const [borne] = growthsOf(
    series((second) => second / 2),
    { memoryMb: 15.1 },
  )
  expect(borne !== undefined && isFlat(borne)).toBe(true)
})

test('a collector that comes and goes is no leak', () => {
  const [growth] = growthsOf(
    series((second) => 50 + (second % 7)),
    { memoryMb: 2 },
  )
  expect(growth !== undefined && isFlat(growth)).toBe(true)
})

test('too few samples are no verdict', () => {
  expect(() => growthsOf([sample(0, 1), sample(1, 1)], { memoryMb: 1 })).toThrow(RangeError)
})
