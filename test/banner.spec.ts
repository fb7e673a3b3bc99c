import { expect, test } from 'vitest'
import { bannerLines } from '../src/banner.js'

const noTls = { isOn: false, isHttpOn: false }
const at = (address: string, port: number, family = 'IPv4') => ({ address, family, port })

test('the default address needs no url', () => {
  const lines = bannerLines({
    address: at('127.0.0.1', 7420),
    httpAddress: at('127.0.0.1', 7421),
    hasOwnSecret: true,
    tls: noTls,
  })
  expect(lines).toEqual([
    'Nestwire listens on nestwire://127.0.0.1:7420, health on http://127.0.0.1:7421/health/ready',
    '  chat:                 npx nestwire chat --user alice --room lobby',
    '  in a second terminal: npx nestwire chat --user bob --room lobby',
    '  to learn more:        README.md; for other languages docs/PROTOCOL.md',
  ])
})

test('another address is part of the commands', () => {
  const [, chat] = bannerLines({
    address: at('0.0.0.0', 9000),
    httpAddress: at('::1', 9001, 'IPv6'),
    hasOwnSecret: true,
    tls: noTls,
  })
  expect(chat).toContain('--url nestwire://127.0.0.1:9000')
})

test('an IPv6 address is bracketed', () => {
  const [listening] = bannerLines({
    address: at('::', 1, 'IPv6'),
    httpAddress: at('::1', 2, 'IPv6'),
    hasOwnSecret: true,
    tls: noTls,
  })
  expect(listening).toContain('nestwire://127.0.0.1:1, health on http://[::1]:2/')
})

test('with keys of somebody else people bring their token', () => {
  const [, chat] = bannerLines({
    address: at('127.0.0.1', 1),
    httpAddress: at('127.0.0.1', 2),
    hasOwnSecret: false,
    tls: noTls,
  })
  expect(chat).toContain('chat --token TOKEN --room lobby')
})

test('with TLS the addresses say so', () => {
  const [listening, chat] = bannerLines({
    address: at('127.0.0.1', 7420),
    httpAddress: at('127.0.0.1', 7421),
    hasOwnSecret: true,
    tls: { isOn: true, isHttpOn: true },
  })
  expect(listening).toContain('nestwires://127.0.0.1:7420, health on https://127.0.0.1:7421/')
  expect(chat).toContain('--url nestwires://127.0.0.1:7420')
})
