import { expect, test } from 'vitest'
import { Ledger } from '../../src/abuse/ledger.js'

/** Entries are the time at which they end. */
const startLedger = (maxEntries: number) =>
  new Ledger<string, number>({ endsAtMs: (endsAtMs) => endsAtMs, maxEntries: () => maxEntries })

test('an entry ends when its time has come', () => {
  const ledger = startLedger(2)
  ledger.set('a', 100, 0)
  expect(ledger.get('a', 99)).toBe(100)
  expect(ledger.get('a', 100)).toBeUndefined()
  expect([...ledger.current(99)]).toEqual([['a', 100]])
  expect([...ledger.current(100)]).toEqual([])
})

test('holds as many as it may; the next takes the place of the one that ends first', () => {
  const ledger = startLedger(3)
  for (const [key, endsAtMs] of [
    ['a', 30],
    ['b', 10],
    ['c', 20],
  ] as const)
    expect(ledger.set(key, endsAtMs, 0)).toBe(true)
  expect(ledger.set('d', 15, 0)).toBe(true)
  expect([...ledger.current(0)].map(([key]) => key)).toEqual(['a', 'c', 'd'])
})

test('what would end before all others is not kept', () => {
  const ledger = startLedger(2)
  ledger.set('a', 30, 0)
  ledger.set('b', 20, 0)
  expect(ledger.set('c', 20, 0)).toBe(false)
  expect([...ledger.current(0)].map(([key]) => key)).toEqual(['a', 'b'])
})

test('what has ended makes room first, and is gone after one round', () => {
  const ledger = startLedger(100)
  for (let key = 0; key < 100; key += 1) ledger.set(`old ${key}`, 10, 0)
  for (let key = 0; key < 10; key += 1) expect(ledger.set(`new ${key}`, 50, 10)).toBe(true)
  expect(ledger.size).toBe(10)
})

test('a key that is known takes no room', () => {
  const ledger = startLedger(1)
  ledger.set('a', 10, 0)
  expect(ledger.set('a', 5, 0)).toBe(true)
  expect(ledger.get('a', 0)).toBe(5)
})

test('a million short entries push out none that is longer', () => {
  const ledger = startLedger(65_536)
  for (let key = 0; key < 1_000; key += 1) ledger.set(`attacker ${key}`, 900_000, 0)
  for (let flood = 0; flood < 1_000_000; flood += 1)
    ledger.set(`stranger ${flood}`, 60_000 + flood / 1000, flood / 1000)
  expect(ledger.size).toBe(65_536)
  const kept = [...ledger.current(1_000)].filter(([key]) => key.startsWith('attacker'))
  expect(kept).toHaveLength(1_000)
})
