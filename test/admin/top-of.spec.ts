import { expect, test } from 'vitest'
import { topOf } from '../../src/admin/top-of.js'

const measure = (item: number): number => item

test('the largest come in order, however they are mixed', async () => {
  const items = Array.from({ length: 10_000 }, (_, index) => (index * 7_919) % 10_007)
  const expected = items.toSorted((a, b) => b - a)
  for (const limit of [1, 2, 20, 1_000]) {
    expect(await topOf(items, { limit, measure })).toEqual(expected.slice(0, limit))
  }
})

test('fewer than asked for are all there are', async () => {
  expect(await topOf([1, 3, 2], { limit: 20, measure })).toEqual([3, 2, 1])
  expect(await topOf([], { limit: 20, measure })).toEqual([])
})

test('others have their turn while many are looked at', async () => {
  let turns = 0
  let isDone = false
  const count = (): void => {
    turns += 1
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await topOf(
    Array.from({ length: 20_000 }, (_, index) => index),
    { limit: 5, measure },
  )
  isDone = true
  expect(turns).toBeGreaterThanOrEqual(10)
})
