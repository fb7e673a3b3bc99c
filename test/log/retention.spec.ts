import { expect, test } from 'vitest'
import { expiryOf, isBeyond } from '../../src/log/retention.js'

const limits = { historyMaxRecords: 3, historyMaxBytes: 100, historyMaxAgeMs: 1_000 }
const nowMs = 50_000
const fine = { count: 3, bytes: 100, oldestTimeMs: 49_001 }

test('keeps a room that is at every limit', () => {
  expect(isBeyond(fine, limits, nowMs)).toBe(false)
})

test.each([
  ['one record too many', { ...fine, count: 4 }],
  ['one byte too many', { ...fine, bytes: 101 }],
  ['a record one millisecond too old', { ...fine, oldestTimeMs: 49_000 }],
])('forgets for %s', (_what, kept) => {
  expect(isBeyond(kept, limits, nowMs)).toBe(true)
})

test('keeps the newest record however large it is', () => {
  expect(isBeyond({ ...fine, count: 1, bytes: 5_000 }, limits, nowMs)).toBe(false)
})

test('has nothing to forget in an empty room', () => {
  expect(isBeyond({ count: 0, bytes: 0, oldestTimeMs: 0 }, limits, nowMs)).toBe(false)
})

test('forgets nothing for its age when there is no such limit', () => {
  const ageless = { ...limits, historyMaxAgeMs: 0 }
  expect(isBeyond({ ...fine, oldestTimeMs: 0 }, ageless, nowMs)).toBe(false)
  expect(expiryOf(ageless, nowMs)).toBe(-Infinity)
})
