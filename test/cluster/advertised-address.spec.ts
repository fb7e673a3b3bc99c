import { describe, expect, test } from 'vitest'
import { advertisedAddress, nameOfAddress } from '../../src/cluster/advertised-address.js'

const listening = { advertised: undefined, host: '127.0.0.1', port: 7420, hostname: 'chat-1' }

describe('the address a node tells', () => {
  test.each([
    ['where it listens', {}, '127.0.0.1:7420'],
    ['the name of the machine, if it listens everywhere', { host: '0.0.0.0' }, 'chat-1:7420'],
    ['the same with IPv6', { host: '::' }, 'chat-1:7420'],
    ['an IPv6 address in brackets', { host: '::1' }, '[::1]:7420'],
    ['what is set', { advertised: { host: 'c.example.org', port: 443 } }, 'c.example.org:443'],
    [
      'a set host with the port it listens on',
      { advertised: { host: '2001:db8::1', port: undefined } },
      '[2001:db8::1]:7420',
    ],
  ])('is %s', (_what, over, address) => {
    expect(advertisedAddress({ ...listening, ...over })).toBe(address)
  })
})

describe('the name a node gets from it', () => {
  test('has only what a name may have', () => {
    expect(nameOfAddress('127.0.0.1:7420')).toBe('127-0-0-1-7420')
    expect(nameOfAddress('[::1]:7420')).toBe('---1--7420')
  })

  test('has 64 characters at most, and is another one for another address', () => {
    const address = (letters: number): string => `${'x'.repeat(letters)}:7420`
    expect(nameOfAddress(address(59))).toBe(`${'x'.repeat(59)}-7420`)
    expect(nameOfAddress(address(60))).toMatch(/^x{40,}-[a-z0-9]{1,7}$/)
    expect(nameOfAddress(address(60))).toHaveLength(64)
    expect(nameOfAddress(address(61))).not.toBe(nameOfAddress(address(62)))
  })
})
