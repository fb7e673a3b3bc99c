import { expect, test } from 'vitest'
import { addressKeyOf } from '../../src/abuse/address-key.js'

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:ffff:ffff:ffff:ffff', '2001:db8:0:0::/64'],
  ['2001:db8:0:1::', '2001:db8:0:1::/64'],
  ['2001:DB8:0000:0001::7', '2001:db8:0:1::/64'],
  ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
  ['1::', '1:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '192.0.2.1'],
  ['64:FF9B::c000:201', '192.0.2.1'],
  ['64:ff9b::201', '0.0.2.1'],
  ['64:ff9b:1::c000:201', '64:ff9b:1:0::/64'],
  ['64:ff9b::1:c000:201', '64:ff9b:0:0::/64'],
  ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
  ['', ''],
])('%s is counted as %s', (address, key) => {
  expect(addressKeyOf(address)).toBe(key)
})

test('a key is its own key', () => {
  for (const address of ['203.0.113.7', '2001:db8::1', '::1']) {
    expect(addressKeyOf(addressKeyOf(address))).toBe(addressKeyOf(address))
  }
})
