import { expect, test } from 'vitest'
import { LineBudget } from '../src/line-budget.js'

const admitted = (budget: LineBudget, kind: string, times: number): number =>
  Array.from({ length: times }, () => budget.admits(kind)).filter(Boolean).length

test('as many lines of a kind as it has are written, one more is counted', () => {
  const budget = new LineBudget(3)
  expect(admitted(budget, 'refused', 3)).toBe(3)
  expect(budget.next()).toEqual([])
  expect(admitted(budget, 'refused', 4)).toBe(3)
  expect(budget.next()).toEqual([['refused', 1]])
})

test('a flood of one kind leaves another alone', () => {
  const budget = new LineBudget(1)
  admitted(budget, 'refused', 1_000)
  expect(budget.admits('fault')).toBe(true)
})

test('after the 256th kind the others share one budget', () => {
  const budget = new LineBudget(1)
  for (let kind = 0; kind < 256; kind += 1) expect(budget.admits(`kind ${kind}`)).toBe(true)
  expect([budget.admits('kind 256'), budget.admits('kind 257')]).toEqual([true, false])
  expect(budget.next()).toEqual([['other', 1]])
})
