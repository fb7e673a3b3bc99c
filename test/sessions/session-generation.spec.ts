import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import {
  advanced,
  confirmed,
  decodeGeneration,
  encodeGeneration,
  judgeGeneration,
  revoked,
  type SessionGeneration,
} from '../../src/sessions/session-generation.js'

/** A session of which these tickets were shown, one after the other. */
const after = (...shown: number[]): SessionGeneration | undefined =>
  shown.reduce<SessionGeneration | undefined>((state, generation) => advanced(state, generation, 1_000), undefined)
const good = (state: SessionGeneration | undefined): number[] =>
  [0, 1, 2, 3, 4, 5, 6].filter((generation) => judgeGeneration(state, generation) === 'good')

test('the first ticket and the second are good while nobody has shown the second', () => {
  expect(after(1)).toMatchObject({ confirmed: 1, offered: 2 })
  expect(good(after(1))).toEqual([1, 2, 3, 4, 5, 6])
  expect(judgeGeneration(after(1), 0)).toBe('replayed')
})

test('the second shown is the end of the first', () => {
  expect(after(1, 2)).toMatchObject({ confirmed: 2, offered: 3 })
  expect(judgeGeneration(after(1, 2), 1)).toBe('replayed')
})

test('the second confirmed is the end of the first', () => {
  const state = after(1)
  const next = state && confirmed(state, 2)
  expect(next).toMatchObject({ confirmed: 2, offered: 2 })
  expect(judgeGeneration(next, 1)).toBe('replayed')
  expect(judgeGeneration(next, 2)).toBe('good')
})

test('an answer that was lost is the end of the ticket in it, not of the one before', () => {
  expect(after(1, 1)).toMatchObject({ confirmed: 1, offered: 3 })
  expect(judgeGeneration(after(1, 1), 2)).toBe('replayed')
  expect(judgeGeneration(after(1, 1), 1)).toBe('good')
  expect(judgeGeneration(after(1, 1), 3)).toBe('good')
})

test('only the newest can be confirmed, and only once', () => {
  const state = after(1, 1) ?? revoked(0)
  expect(confirmed(state, 2)).toBeUndefined()
  expect(confirmed({ ...state, confirmed: 3 }, 3)).toBeUndefined()
  expect(confirmed({ ...state, isRevoked: true }, 3)).toBeUndefined()
})

test('a ticket that the store does not remember to have offered is good, and goes on from there', () => {
  expect(judgeGeneration(after(1), 9)).toBe('good')
  expect(after(1, 9)).toMatchObject({ confirmed: 9, offered: 10 })
  expect(judgeGeneration(undefined, 9)).toBe('good')
})

test('no ticket of a revoked session is good', () => {
  for (const generation of [0, 1, 2, 99]) expect(judgeGeneration(revoked(5), generation)).toBe('revoked')
})

test('a client that always shows the newest it holds is never locked out', () => {
  const isLost = fc.boolean()
  fc.assert(
    fc.property(fc.array(fc.record({ isLost, isConfirmed: fc.boolean() })), (resumes) => {
      let state: SessionGeneration | undefined
      let held = 1
      for (const { isLost: isAnswerLost, isConfirmed } of resumes) {
        expect(judgeGeneration(state, held)).toBe('good')
        state = advanced(state, held, 0)
        if (isAnswerLost) continue
        held = state.offered
        if (isConfirmed) state = confirmed(state, held) ?? state
      }
    }),
  )
})

test('a state is read as it was written', () => {
  for (const state of [advanced(undefined, 1, 5), advanced(after(1, 2), 2, 2 ** 50), revoked(1_760_000_000_000)]) {
    expect(decodeGeneration(encodeGeneration(state))).toEqual(state)
  }
})

test('what another version wrote is refused', () => {
  const bytes = encodeGeneration(revoked(5))
  expect(() => decodeGeneration(Buffer.concat([Buffer.of(2), bytes.subarray(1)]))).toThrow('version 2')
  expect(() => decodeGeneration(bytes.subarray(1))).toThrow(ProtocolError)
  expect(() => decodeGeneration(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(ProtocolError)
  expect(() => decodeGeneration(Buffer.alloc(0))).toThrow(ProtocolError)
})
