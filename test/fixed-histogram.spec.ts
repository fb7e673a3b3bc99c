import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { FixedHistogram } from '../src/fixed-histogram.js'

test('a figure belongs to the first bound that is not below it', () => {
  const histogram = new FixedHistogram([1, 2, 5])
  for (const value of [0, 1, 1.001, 2, 4, 5, 5.001]) histogram.observe(value)
  expect([...histogram.cumulative()]).toEqual([
    [1, 2],
    [2, 4],
    [5, 6],
    [Infinity, 7],
  ])
  expect([histogram.count, histogram.sum]).toEqual([7, 18.002])
})

test('an observation may stand for several', () => {
  const histogram = new FixedHistogram([1])
  histogram.observe(0.5, 3)
  histogram.observe(2, 0)
  expect([[...histogram.cumulative()], histogram.sum]).toEqual([
    [
      [1, 3],
      [Infinity, 3],
    ],
    1.5,
  ])
})

test('counts as a search from the first bound on would', () => {
  const bounds = fc
    .uniqueArray(fc.integer({ min: 0, max: 50 }), { maxLength: 20 })
    .map((all) => all.toSorted((a, b) => a - b))
  fc.assert(
    fc.property(bounds, fc.array(fc.integer({ min: -5, max: 60 })), (limits, values) => {
      const histogram = new FixedHistogram(limits)
      for (const value of values) histogram.observe(value)
      const expected = [...limits, Infinity].map((limit) => [limit, values.filter((value) => value <= limit).length])
      expect([...histogram.cumulative()]).toEqual(expected)
    }),
  )
})
