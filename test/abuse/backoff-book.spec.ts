import { expect, test } from 'vitest'
import { BackoffBook, FAILURE_WINDOW_MS } from '../../src/abuse/backoff-book.js'

const RULES = { authFailuresPerMinute: 3, backoffMs: 1_000, maxBackoffMs: 3_000, maxTracked: 100 }

function startBook(over: Partial<typeof RULES> = {}) {
  const book = new BackoffBook(() => ({ ...RULES, ...over }))
  const fails = (times: number, nowMs: number, address = 'a'): void => {
    for (let count = 0; count < times; count += 1) book.failed(address, nowMs)
  }
  return { book, fails }
}

test('one failure fewer than the limit has no consequence, the last one has', () => {
  const { book, fails } = startBook()
  fails(2, 0)
  expect(book.remainingMs('a', 0)).toBe(0)
  expect(book.failed('a', 10)).toBe('begun')
  expect(book.remainingMs('a', 10)).toBe(1_000)
  expect(book.remainingMs('a', 1_009)).toBe(1)
  expect(book.remainingMs('a', 1_010)).toBe(0)
})

test('failures count for a minute from the first of them', () => {
  const { book, fails } = startBook()
  fails(2, 0)
  expect(book.failed('a', FAILURE_WINDOW_MS)).toBe('counted')
  fails(1, FAILURE_WINDOW_MS)
  expect(book.failed('a', 2 * FAILURE_WINDOW_MS - 1)).toBe('begun')
})

test('each back-off is twice as long as the one before, up to the longest', () => {
  const { book, fails } = startBook()
  const lengths: number[] = []
  for (let nowMs = 0, round = 0; round < 4; round += 1) {
    fails(3, nowMs)
    lengths.push(book.remainingMs('a', nowMs))
    nowMs += book.remainingMs('a', nowMs)
  }
  expect(lengths).toEqual([1_000, 2_000, 3_000, 3_000])
})

test('good conduct for less than a minute is not enough', () => {
  const { book, fails } = startBook()
  fails(3, 0)
  fails(3, 1_000 + FAILURE_WINDOW_MS - 1)
  expect(book.remainingMs('a', 1_000 + FAILURE_WINDOW_MS - 1)).toBe(2_000)
})

test('good conduct for as long as the last back-off makes a stranger again', () => {
  const { book, fails } = startBook({ backoffMs: 100_000, maxBackoffMs: 300_000 })
  fails(3, 0)
  fails(3, 199_999)
  expect(book.remainingMs('a', 199_999)).toBe(200_000)
  // Over at 399,999, forgotten at 599,999.
  fails(3, 599_999)
  expect(book.remainingMs('a', 599_999)).toBe(100_000)
})

test('failures of what was under way when it began make it no longer', () => {
  const { book, fails } = startBook()
  fails(3, 0)
  fails(30, 500)
  expect(book.remainingMs('a', 500)).toBe(500)
})

test('lifting forgets the back-offs before, too', () => {
  const { book, fails } = startBook()
  expect(book.lift('a', 0)).toBe(false)
  fails(3, 0)
  expect(book.lift('a', 10)).toBe(true)
  expect(book.remainingMs('a', 10)).toBe(0)
  fails(3, 20)
  expect(book.remainingMs('a', 20)).toBe(1_000)
})

test('lists those that are refused now, the longest first', () => {
  const { book, fails } = startBook()
  fails(3, 0, 'a')
  fails(3, 100, 'b')
  fails(2, 100, 'c')
  fails(3, 200, 'd')
  const listed = book.longest(2, 300)
  expect(listed).toEqual([
    { address: 'd', remainingMs: 900, backoffMs: 1_000 },
    { address: 'b', remainingMs: 800, backoffMs: 1_000 },
  ])
  expect(book.longest(10, 1_200)).toEqual([])
})

test('a million addresses that fail once make none forgotten that is refused', () => {
  const { book, fails } = startBook({ maxTracked: 65_536 })
  for (let index = 0; index < 100; index += 1) fails(3, 0, `attacker ${index}`)
  for (let index = 0; index < 1_000_000; index += 1) book.failed(`stranger ${index}`, 1)
  expect(book.longest(1_000, 1)).toHaveLength(100)
})
