import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TokenBucket } from '../src/token-bucket.js'

/** Takes if it may; the wait otherwise. */
function takeFrom(bucket: TokenBucket, tokens: number, at: { readonly perSecond: number; readonly nowMs: number }) {
  const waitMs = bucket.waitMs(tokens, at.perSecond, at.nowMs)
  if (waitMs === 0) bucket.take(tokens)
  return waitMs
}

describe('a bucket', () => {
  test.each([1, 3, 7, 1_000, 50_000])('gives %i tokens at once and not one more', (perSecond) => {
    const bucket = new TokenBucket(0)
    for (let n = 0; n < perSecond; n += 1) expect(takeFrom(bucket, 1, { perSecond, nowMs: 0 })).toBe(0)
    expect(takeFrom(bucket, 1, { perSecond, nowMs: 0 })).toBe(Math.ceil(1_000 / perSecond))
  })

  test('gives a token back after exactly the wait it told', () => {
    const bucket = new TokenBucket(0)
    takeFrom(bucket, 3, { perSecond: 3, nowMs: 0 })
    expect(takeFrom(bucket, 1, { perSecond: 3, nowMs: 333 })).toBe(1)
    expect(takeFrom(bucket, 1, { perSecond: 3, nowMs: 334 })).toBe(0)
  })

  test('saves up one second and no more', () => {
    const bucket = new TokenBucket(0)
    takeFrom(bucket, 10, { perSecond: 10, nowMs: 0 })
    expect(takeFrom(bucket, 10, { perSecond: 10, nowMs: 999 })).toBe(1)
    expect(takeFrom(bucket, 10, { perSecond: 10, nowMs: 3_600_000 })).toBe(0)
    expect(takeFrom(bucket, 1, { perSecond: 10, nowMs: 3_600_000 })).toBe(100)
  })

  test('gives more than it holds only when it is full, and is the longer in filling', () => {
    const bucket = new TokenBucket(0)
    expect(takeFrom(bucket, 30, { perSecond: 10, nowMs: 0 })).toBe(0)
    expect(takeFrom(bucket, 1, { perSecond: 10, nowMs: 0 })).toBe(2_100)
    expect(takeFrom(bucket, 30, { perSecond: 10, nowMs: 2_999 })).toBe(1)
    expect(takeFrom(bucket, 30, { perSecond: 10, nowMs: 3_000 })).toBe(0)
  })

  test('follows a rate that changes', () => {
    const bucket = new TokenBucket(0)
    takeFrom(bucket, 10, { perSecond: 10, nowMs: 0 })
    expect(takeFrom(bucket, 1, { perSecond: 1_000, nowMs: 0 })).toBe(1)
    expect(takeFrom(bucket, 1, { perSecond: 1_000, nowMs: 1 })).toBe(0)
  })
})

test('over any time gives at most a burst and the rate', () => {
  const step = fc.record({ pauseMs: fc.nat(400), tokens: fc.integer({ min: 1, max: 20 }) })
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 500 }), fc.array(step, { maxLength: 200 }), (perSecond, steps) => {
      const bucket = new TokenBucket(0)
      let [nowMs, taken] = [0, 0]
      for (const { pauseMs, tokens } of steps) {
        nowMs += pauseMs
        nowMs += bucket.waitMs(tokens, perSecond, nowMs)
        expect(takeFrom(bucket, tokens, { perSecond, nowMs })).toBe(0)
        taken += tokens
        expect(taken).toBeLessThanOrEqual(perSecond + (nowMs * perSecond) / 1_000)
      }
    }),
  )
})
