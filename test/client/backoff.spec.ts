import { expect, test } from 'vitest'
import { Backoff } from '../../src/client/backoff.js'
import { ConnectionClosedError, ServerClosedError, type NestwireError } from '../../src/client/index.js'
import { CloseCode } from '../../src/protocol/close-codes.js'

const lost = new ConnectionClosedError('ECONNRESET', 'reset')
const closed = (code: number, retryAfterMs = 0): NestwireError =>
  new ServerClosedError({ kind: 'close', code, retryAfterMs, target: '', message: '' })
const half = (): Backoff => new Backoff(() => 0.5)
const waitOf = (backoff: Backoff, error: NestwireError = lost): number | string => {
  const verdict = backoff.next(error)
  return verdict.kind === 'retry' ? verdict.delayMs : 'stop'
}

test('doubles with each try that comes to nothing', () => {
  const backoff = half()
  expect([1, 2, 3, 4].map(() => waitOf(backoff))).toEqual([125, 250, 500, 1000])
})

test('starts anew after a connection of five seconds', () => {
  const backoff = half()
  for (let times = 0; times < 3; times += 1) waitOf(backoff)
  backoff.ended(5000)
  expect(waitOf(backoff)).toBe(125)
})

test('goes on after a connection that was shorter', () => {
  const backoff = half()
  waitOf(backoff)
  backoff.ended(4999)
  expect(waitOf(backoff)).toBe(250)
})

test('goes on after a connection that was shorter than the wait for it', () => {
  const backoff = half()
  waitOf(backoff, closed(CloseCode.ServerFull, 20_000))
  backoff.ended(20_124)
  expect(waitOf(backoff)).toBe(250)
  backoff.ended(5000)
  expect(waitOf(backoff)).toBe(125)
})

test('ends where the server says never', () => {
  expect(waitOf(half(), closed(CloseCode.TakenOver))).toBe('stop')
})
