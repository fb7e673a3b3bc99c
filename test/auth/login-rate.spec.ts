import { expect, test } from 'vitest'
import { LoginRate } from '../../src/auth/login-rate.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import type { ConnectionHandle } from '../../src/transport/connection-handle.js'
import { RecordingConnection } from '../delivery/recording-connection.js'
import { ManualClock } from '../support/manual-clock.js'

class SentAway extends RecordingConnection {
  retryAfterMs = 0
  override close(code: CloseCode, _message = '', retryAfterMs = 0): void {
    super.close(code)
    this.retryAfterMs = retryAfterMs
  }
}

function startRate(perSecond: number) {
  const clock = new ManualClock()
  const settings = new Settings(loadSettings({ NESTWIRE_LOGINS_PER_SECOND: String(perSecond) }))
  const rate = new LoginRate(settings, clock)
  /** How many of `count` get in now. */
  const admitted = (count: number): number =>
    Array.from({ length: count }, () => tries(() => rate.admit(new SentAway()))).filter(Boolean).length
  const sentAway = (): SentAway => {
    const connection = new SentAway()
    expect(() => rate.admit(connection)).toThrow('too many')
    return connection
  }
  return { clock, rate, admitted, sentAway }
}

function tries(task: () => void): boolean {
  try {
    task()
    return true
  } catch {
    return false
  }
}

test('a second holds as many as it may, and not one more', () => {
  const { clock, admitted } = startRate(10)
  expect(admitted(12)).toBe(10)
  clock.advance(99)
  expect(admitted(1)).toBe(0)
  clock.advance(1)
  expect(admitted(2)).toBe(1)
  clock.advance(1_000)
  expect(admitted(12)).toBe(10)
})

test('who is too much is closed with a code and a time to come back', () => {
  const { admitted, sentAway } = startRate(1)
  admitted(1)
  const connection = sentAway()
  expect(connection.closeCode).toBe(CloseCode.TooManyLogins)
  expect(connection.retryAfterMs).toBeGreaterThanOrEqual(1_000)
})

test('a look counts nothing', () => {
  const { rate, admitted } = startRate(3)
  const connection: ConnectionHandle = new SentAway()
  for (let count = 0; count < 10; count += 1) rate.check(connection)
  expect(admitted(4)).toBe(3)
})

test('a crowd comes back spread over the time it takes to let it in', () => {
  const { admitted, sentAway } = startRate(100)
  admitted(100)
  const slots = Array.from({ length: 1_000 }, () => sentAway().retryAfterMs)
  const inFirst = (ms: number): number => slots.filter((slot) => slot < ms).length
  expect(Math.min(...slots)).toBeGreaterThanOrEqual(1_000)
  expect(inFirst(2_000)).toBeLessThan(200)
  expect(Math.max(...slots)).toBeGreaterThan(10_000)
  expect(Math.max(...slots)).toBeLessThanOrEqual(11_000 * 1.5)
})

test('nobody is sent away for more than 45 s', () => {
  const { admitted, sentAway } = startRate(1)
  admitted(1)
  const slots = Array.from({ length: 1_000 }, () => sentAway().retryAfterMs)
  expect(Math.max(...slots)).toBeLessThanOrEqual(45_000)
})
