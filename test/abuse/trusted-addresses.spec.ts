import { expect, test } from 'vitest'
import { TrustedAddresses } from '../../src/abuse/trusted-addresses.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'

const trusting = (ranges: string) =>
  new TrustedAddresses(new Settings(loadSettings({ NESTWIRE_TRUSTED_ADDRESSES: ranges })))

test('a network is trusted from its first to its last address', () => {
  const trusted = trusting('10.1.0.0/16,2001:db8::/32')
  const verdicts = ['10.0.255.255', '10.1.0.0', '10.1.255.255', '10.2.0.0'].map((address) => trusted.has(address))
  expect(verdicts).toEqual([false, true, true, false])
  expect(trusted.has('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff')).toBe(true)
  expect(trusted.has('2001:db9::')).toBe(false)
})

test('an address of IPv4 is trusted where it comes mapped into IPv6', () => {
  const trusted = trusting('192.0.2.7')
  expect([trusted.has('::ffff:192.0.2.7'), trusted.has('::ffff:192.0.2.8')]).toEqual([true, false])
})

test('who comes from behind a translator is trusted by the address that is seen, and by no other', () => {
  expect(trusting('64:ff9b::/96').has('64:ff9b::c000:207')).toBe(true)
  // Whoever could write such an address would be this machine.
  expect(trusting('127.0.0.0/8').has('64:ff9b::7f00:1')).toBe(false)
})

test('by default this machine is trusted, and nobody else', () => {
  const trusted = new TrustedAddresses(new Settings(loadSettings({})))
  expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].every((address) => trusted.has(address))).toBe(true)
  expect(['', '128.0.0.1', '::2', '192.168.0.1'].some((address) => trusted.has(address))).toBe(false)
})
