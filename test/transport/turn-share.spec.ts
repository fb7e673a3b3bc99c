import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { TurnShare } from '../../src/transport/turn-share.js'

function sharing() {
  const time = { nowMs: 1_000 }
  return { time, turns: new TurnShare(() => time.nowMs) }
}

test.each([
  [0, 128],
  [3, 128],
  [4, 102],
  [15, 32],
  [63, 8],
  [64, 8],
  [1_000, 8],
])('beside %i that have more at hand one gets %i frames', (others, frames) => {
  const { turns } = sharing()
  for (let count = 0; count < others; count += 1) turns.next(() => undefined)
  expect(turns.share()).toBe(frames)
})

test.each([
  [5, 128],
  [6, 8],
])('when a turn has lasted %i ms one gets %i', (ms, frames) => {
  const { turns, time } = sharing()
  expect(turns.share()).toBe(128)
  time.nowMs += ms
  expect(turns.share()).toBe(frames)
})

test('the time before the first frame of a turn does not count', async () => {
  const { turns, time } = sharing()
  expect(turns.share()).toBe(128)
  time.nowMs += 6
  await nextTurn()
  expect(turns.share()).toBe(128)
})

test('who goes on is no longer one of those who wait', async () => {
  const { turns } = sharing()
  const seen: number[] = []
  for (let count = 0; count < 16; count += 1) turns.next(() => seen.push(turns.share()))
  await nextTurn()
  expect(seen).toEqual([32, 34, 36, 39, 42, 46, 51, 56, 64, 73, 85, 102, 128, 128, 128, 128])
})
