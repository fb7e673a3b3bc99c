import { createHmac, createSecretKey } from 'node:crypto'
import * as fc from 'fast-check'
import { jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { verifyHs256 } from '../../src/auth/hs256.js'

const SECRET = 'a secret of at least thirty-two characters'
const key = createSecretKey(SECRET, 'utf8')
const NOW = { currentDate: new Date(1_700_000_000_000), requiredClaims: ['sub', 'exp'] }

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function signed(header: unknown, claims: unknown): string {
  const text = `${encoded(header)}.${encoded(claims)}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

const good = signed({ alg: 'HS256', typ: 'JWT' }, { sub: 'ann', exp: 1_700_000_060 })

function accepts(token: string): boolean {
  try {
    verifyHs256(token, key, NOW)
    return true
  } catch {
    return false
  }
}

test('reads what jose reads of a token that is signed', async () => {
  const { payload } = await jwtVerify(good, Buffer.from(SECRET), { ...NOW, algorithms: ['HS256'] })
  expect(verifyHs256(good, key, NOW)).toEqual(payload)
})

test.each([
  ['another algorithm, signed all the same', signed({ alg: 'HS512' }, { sub: 'ann', exp: 1_700_000_060 })],
  ['no algorithm', signed({ alg: 'none' }, { sub: 'ann', exp: 1_700_000_060 })],
  [
    'an extension that must be understood',
    signed({ alg: 'HS256', crit: ['x'], x: 1 }, { sub: 'ann', exp: 1_700_000_060 }),
  ],
  ['a header that is no object', signed('HS256', { sub: 'ann', exp: 1_700_000_060 })],
  ['claims that are no object', signed({ alg: 'HS256' }, ['ann'])],
  ['an expiry that has passed', signed({ alg: 'HS256' }, { sub: 'ann', exp: 1_699_999_000 })],
  ['no signature', good.slice(0, good.lastIndexOf('.') + 1)],
  ['a fourth part', `${good}.`],
  ['another spelling of the signature', `${good}=`],
])('refuses %s', (_what, token) => {
  expect(accepts(token)).toBe(false)
})

test('accepts nothing that jose refuses', async () => {
  const changed = fc
    .tuple(fc.nat(good.length), fc.nat(2), fc.string({ maxLength: 3 }))
    .map(([at, removed, added]) => good.slice(0, at) + added + good.slice(at + removed))
  await fc.assert(
    fc.asyncProperty(changed, async (token) => {
      const isGood = await jwtVerify(token, Buffer.from(SECRET), { ...NOW, algorithms: ['HS256'] }).then(
        () => true,
        () => false,
      )
      expect(accepts(token) && !isGood).toBe(false)
    }),
  )
})
