import { expect, test } from 'vitest'
import { KeyedRate } from '../../src/abuse/keyed-rate.js'

function startRate(perMinute: number, maxKeys = 100) {
  const rate = new KeyedRate<string>(() => maxKeys)
  /** How many of `count` pass at that time. */
  const passed = (count: number, nowMs: number, key = 'a'): number =>
    Array.from({ length: count }, () => rate.spend(key, perMinute, nowMs)).filter(({ kind }) => kind !== 'early').length
  return { rate, passed }
}

test.each([1, 7, 60, 6_000])('%i a minute may pass at once, and not one more', (perMinute) => {
  const { passed, rate } = startRate(perMinute)
  expect(passed(perMinute + 1, 0)).toBe(perMinute)
  const waitMs = Math.ceil(60_000 / perMinute)
  expect(rate.spend('a', perMinute, 0)).toEqual({ kind: 'early', waitMs })
  expect(passed(1, waitMs - 1)).toBe(0)
  expect(passed(2, waitMs)).toBe(1)
  expect(passed(perMinute + 1, 1_000_000)).toBe(perMinute)
})

test('keys have nothing to do with each other', () => {
  const { passed } = startRate(2)
  expect(passed(3, 0, 'a')).toBe(2)
  expect(passed(3, 0, 'b')).toBe(2)
})

test('a rate may change at any moment', () => {
  const { passed, rate } = startRate(10)
  passed(10, 0)
  expect(rate.spend('a', 20, 0).kind).toBe('early')
  expect(rate.spend('a', 1_000, 60).kind).toBe('passed')
})

test('who has used up its minute stays known, whoever else comes', () => {
  const { passed, rate } = startRate(60, 50)
  passed(60, 0, 'attacker')
  let nowMs = 0
  for (let flood = 0; flood < 10_000; flood += 1) passed(1, (nowMs += 0.01), `stranger ${flood}`)
  expect(rate.size).toBe(50)
  expect(passed(1, nowMs, 'attacker')).toBe(0)
})

test('passes without being remembered while all that is remembered matters more', () => {
  const { passed, rate } = startRate(60, 16)
  for (let key = 0; key < 16; key += 1) passed(60, 0, `busy ${key}`)
  expect(rate.spend('stranger', 60, 0)).toEqual({ kind: 'untracked' })
})
