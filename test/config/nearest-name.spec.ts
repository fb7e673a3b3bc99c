import { expect, test } from 'vitest'
import { nearestName } from '../../src/config/nearest-name.js'

test.each([
  ['ROOM', 'ROOMS'],
  ['PROT', 'PORT'],
  ['HOSTX', 'HOST'],
])('%s is nearest to %s', (name, nearest) => {
  expect(nearestName(name, ['HOST', 'PORT', 'ROOMS'])).toBe(nearest)
})

test('without candidates there is none', () => {
  expect(nearestName('HOST', [])).toBe('')
})
