import { describe, expect, test } from 'vitest'
import { RetryPace } from '../../../src/log/jetstream/retry-pace.js'

const paceAfter = (refusals: number): RetryPace => {
  const pace = new RetryPace()
  for (let refusal = 0; refusal < refusals; refusal += 1) pace.refused()
  return pace
}

describe('the pace of a node that knocks at NATS', () => {
  test('begins with 250 to 350 ms', () => {
    expect([0, 1].map((random) => new RetryPace().nextWaitMs(random))).toEqual([250, 350])
  })

  test('halves with each refusal, down to one in 10 s', () => {
    expect([1, 5, 6, 7].map((refusals) => paceAfter(refusals).nextWaitMs(0))).toEqual([500, 8_000, 10_000, 10_000])
  })

  test('is the first again once it was let in', () => {
    const pace = paceAfter(9)
    pace.admitted()
    expect(pace.nextWaitMs(0)).toBe(250)
  })
})
