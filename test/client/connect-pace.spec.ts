import { expect, test } from 'vitest'
import { ConnectPace } from '../../src/client/connect-pace.js'
import { ConnectionClosedError, ServerClosedError } from '../../src/client/errors.js'
import { CloseCode } from '../../src/protocol/close-codes.js'

const lost = new ConnectionClosedError('ECONNREFUSED', 'refused')
const full = (retryAfterMs: number) =>
  new ServerClosedError({ kind: 'close', code: CloseCode.ServerFull, retryAfterMs, target: '', message: '' })

test('pauses up to twice as long after each failure, a second at most', () => {
  const pace = new ConnectPace(() => 1)
  const pauses = Array.from({ length: 7 }, () => {
    pace.failed(lost, 0)
    return pace.pauseMs(0)
  })
  expect(pauses).toEqual([50, 100, 200, 400, 800, 1000, 1000])
})

test('spreads tries over the whole pause', () => {
  const pace = new ConnectPace(() => 0.25)
  pace.failed(lost, 100)
  expect([pace.pauseMs(100), pace.pauseMs(112), pace.pauseMs(113)]).toEqual([12.5, 0.5, 0])
})

test('begins anew after a connection', () => {
  const pace = new ConnectPace(() => 1)
  pace.failed(full(5000), 0)
  pace.failed(full(5000), 0)
  pace.succeeded()
  expect([pace.pauseMs(0), pace.refusedBy(0)]).toEqual([0, undefined])
  pace.failed(lost, 0)
  expect(pace.pauseMs(0)).toBe(50)
})

test('knows the refusal of a server until the time that it named', () => {
  const pace = new ConnectPace(() => 0)
  const refusal = full(5000)
  pace.failed(refusal, 100)
  expect(pace.refusedBy(5099)).toBe(refusal)
  expect(pace.refusedBy(5100)).toBeUndefined()
  pace.failed(full(0), 100)
  expect(pace.refusedBy(100)).toBeUndefined()
})
