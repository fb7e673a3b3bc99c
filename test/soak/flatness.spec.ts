import { expect, test } from 'vitest'
import { growthsOf, isFlat } from './flatness.js'
import { LEAST_VISITS, SHORT_FORM } from './soak-forms.js'
import type { Vitals } from './vitals.js'

const sample = (second: number, memoryMb: number, handles = 0): Vitals => ({
  second,
  memoryMb,
  rssMb: 0,
  heapMb: 0,
  handles,
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

/** Two minutes of a server of which every eighth connection keeps 2 MB and a descriptor; it is looked at once a second. */
const leaking = (connections: number): readonly Vitals[] =>
  Array.from({ length: 121 }, (_, second) => {
    const kept = Math.floor((second * connections) / 120 / 8)
    return sample(second, 90 + 2 * kept, 89 + kept)
  })

test.each([3_000, LEAST_VISITS])('a leak of every eighth of %i connections shows in the short form', (connections) => {
  const growths = growthsOf(leaking(connections), SHORT_FORM.bounds)
  expect(growths.filter((growth) => !isFlat(growth)).map(({ vital }) => vital)).toEqual(['memoryMb', 'handles'])
})

test('a server that keeps nothing is flat in the short form, though visitors come and go', () => {
  // As it was measured: the heap finds its size in the first minute, and then 5 MB and 6 descriptors come and go.
  const samples = Array.from({ length: 121 }, (_, second) =>
    sample(second, 80 + Math.min(second, 60) / 3 + ((second * 7) % 6), 84 + ((second * 5) % 7)),
  )
  expect(growthsOf(samples, SHORT_FORM.bounds).every(isFlat)).toBe(true)
})

test('too few samples are no verdict', () => {
  expect(() => growthsOf([sample(0, 1), sample(1, 1)], { memoryMb: 1 })).toThrow(RangeError)
})
