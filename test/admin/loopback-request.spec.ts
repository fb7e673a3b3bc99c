import { expect, test } from 'vitest'
import { isLoopbackRequest } from '../../src/admin/loopback-request.js'

const host = 'localhost:7421'

test.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('%s is this machine', (remoteAddress) => {
  expect(isLoopbackRequest({ remoteAddress, headers: { host } })).toBe(true)
})

test.each([undefined, '', '10.0.0.1', '128.0.0.1', '1127.0.0.1', '::2', '::ffff:10.0.0.1', '127.0.0.1.evil'])(
  '%s is not',
  (remoteAddress) => {
    expect(isLoopbackRequest({ remoteAddress, headers: { host } })).toBe(false)
  },
)

test.each(['localhost', 'LOCALHOST:1', '127.0.0.1', '127.0.0.1:7421', '[::1]', '[::1]:7421'])(
  'asked for as %s',
  (name) => {
    expect(isLoopbackRequest({ remoteAddress: '::1', headers: { host: name } })).toBe(true)
  },
)

test.each([
  undefined,
  '',
  'chat.example.org',
  'localhost.example.org',
  'localhost:7421@evil',
  '127.0.0.1.nip.io',
  '0.0.0.0',
])('not asked for as %s', (name) => {
  expect(isLoopbackRequest({ remoteAddress: '::1', headers: { host: name } })).toBe(false)
})

test.each(['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'via', 'x-real-ip', 'origin', 'sec-fetch-site'])(
  'who sends %s acts for somebody else',
  (name) => {
    expect(isLoopbackRequest({ remoteAddress: '::1', headers: { host, [name]: 'x' } })).toBe(false)
  },
)
