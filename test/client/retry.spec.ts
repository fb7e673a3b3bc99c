import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { judgeRetry } from '../../src/client/retry.js'
import {
  ClientError,
  ConnectionClosedError,
  ServerClosedError,
  ServerError,
  TimeoutError,
  type NestwireError,
} from '../../src/client/index.js'

const closed = (code: number, retryAfterMs = 0): NestwireError =>
  new ServerClosedError({ kind: 'close', code, retryAfterMs, target: '', message: '' })
const lost = new ConnectionClosedError('ECONNRESET', 'reset')
const delayOf = (error: NestwireError, attempt: number, random: number) => {
  const verdict = judgeRetry(error, attempt, () => random)
  return verdict.kind === 'retry' ? verdict.delayMs : 'stop'
}

describe('judgeRetry', () => {
  test('doubles the window up to 30 s', () => {
    const almostOne = 1 - Number.EPSILON
    const delays = [0, 1, 2, 6, 7, 60].map((attempt) => Math.ceil(Number(delayOf(lost, attempt, almostOne))))
    expect(delays).toEqual([250, 500, 1000, 16_000, 30_000, 30_000])
  })

  test('draws from the whole window', () => {
    expect(delayOf(lost, 3, 0)).toBe(0)
    expect(delayOf(lost, 3, 0.5)).toBe(1000)
  })

  test('waits at least as long as the server asks', () => {
    expect(delayOf(closed(CloseCode.ServerFull, 700), 0, 0)).toBe(700)
    expect(delayOf(closed(CloseCode.ServerFull, 700), 0, 0.5)).toBe(825)
  })

  test('comes back after closes of class now, later and elsewhere', () => {
    for (const code of [CloseCode.TokenExpired, CloseCode.ShuttingDown, 2999, 3000]) {
      expect(delayOf(closed(code), 0, 0)).toBe(0)
    }
  })

  test('stops after closes of class never', () => {
    for (const code of [CloseCode.BadMagic, CloseCode.AuthRejected, 4999])
      expect(delayOf(closed(code), 0, 0)).toBe('stop')
  })

  test('stops when the token is refused, not when the server stumbled', () => {
    expect(delayOf(new ServerError(ErrorCode.TokenInvalid, '', 0, undefined), 0, 0)).toBe('stop')
    expect(delayOf(new ServerError(ErrorCode.Internal, '', 90, undefined), 0, 0)).toBe(90)
  })

  test('stops on failures that would only repeat', () => {
    expect(delayOf(new ConnectionClosedError('PROTOCOL_ERROR', ''), 0, 0)).toBe('stop')
    expect(delayOf(new ClientError('TOKEN_REQUIRED', ''), 0, 0)).toBe('stop')
  })

  test('tries again after timeouts and failing token functions', () => {
    expect(delayOf(new TimeoutError('CONNECT_TIMEOUT', ''), 0, 0)).toBe(0)
    expect(delayOf(new ClientError('TOKEN_PROVIDER_FAILED', ''), 0, 0)).toBe(0)
  })
})
