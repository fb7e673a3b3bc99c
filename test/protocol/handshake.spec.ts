import { expect, test } from 'vitest'
import { negotiateVersion } from '../../src/protocol/handshake.js'

const offer = (minVersion: number, maxVersion: number) =>
  ({ kind: 'hello', minVersion, maxVersion, features: 0, agent: '' }) as const

test.each([
  [1, 1, 1],
  [1, 9, 3],
  [3, 9, 3],
  [4, 9, undefined],
  [0, 0, undefined],
  [0, 2, 2],
  [2, 1, undefined],
])('an offer of %i to %i against 1 to 3 gives %s', (minVersion, maxVersion, version) => {
  expect(negotiateVersion(offer(minVersion, maxVersion), 3, 1)).toBe(version)
})
