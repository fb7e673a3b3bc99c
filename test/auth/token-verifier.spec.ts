import { base64url, CompactSign, exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { describe, expect, test } from 'vitest'
import { issueToken } from '../../src/auth/token-issuer.js'
import { TokenVerifier, type TokenRules } from '../../src/auth/token-verifier.js'
import { readVerificationKey, secretVerificationKey } from '../../src/auth/verification-key.js'
import { NestwireException } from '../../src/transport/nestwire.exception.js'
import { temporaryFile } from './key-files.js'

const SECRET = 'a secret that is long enough for HS256'
const NOW_SECONDS = 1_800_000_000
const RULES: TokenRules = { issuer: undefined, audience: undefined, clockToleranceMs: 5_000 }

const hmac = (secret = SECRET): Uint8Array => new TextEncoder().encode(secret)
const good: JWTPayload = { sub: 'alice', exp: NOW_SECONDS + 60 }

const sign = (claims: JWTPayload, alg = 'HS256', key: Parameters<SignJWT['sign']>[0] = hmac()): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(key)

async function verifier(rules: Partial<TokenRules> = {}): Promise<TokenVerifier> {
  const key = secretVerificationKey(SECRET)
  return new TokenVerifier(
    key,
    () => ({ ...RULES, ...rules }),
    () => NOW_SECONDS * 1000,
  )
}

async function publicKeyVerifier(fileContent: string): Promise<TokenVerifier> {
  const key = await readVerificationKey(await temporaryFile(fileContent))
  return new TokenVerifier(
    key,
    () => RULES,
    () => NOW_SECONDS * 1000,
  )
}

/** `CODE: reason` of the refusal. */
async function refusal(token: string, by?: TokenVerifier): Promise<string> {
  try {
    await (by ?? (await verifier())).authenticate(token)
  } catch (error) {
    if (!(error instanceof NestwireException)) throw error
    return `${error.failure.code}: ${error.failure.message}`
  }
  return 'accepted'
}

describe('a good token', () => {
  test('names user, username, role and expiry', async () => {
    const token = await sign({ ...good, name: 'Alice A.', role: 'service' })
    expect(await (await verifier()).authenticate(token)).toEqual({
      user: 'alice',
      username: 'Alice A.',
      role: 'service',
      expiresAtMs: (NOW_SECONDS + 60) * 1000 + RULES.clockToleranceMs,
    })
  })

  test('without name and role is a user by its id', async () => {
    expect(await (await verifier()).authenticate(await sign(good))).toMatchObject({ username: 'alice', role: 'user' })
  })

  test('from the issuer of the command line is accepted', async () => {
    const token = await issueToken({ user: 'bob', username: 'Bob', role: 'admin', ttlSeconds: 60 }, SECRET)
    const real = new TokenVerifier(secretVerificationKey(SECRET), () => RULES)
    expect(await real.authenticate(token)).toMatchObject({ user: 'bob', username: 'Bob', role: 'admin' })
  })

  test('may expire as late as numbers go', async () => {
    const principal = await (await verifier()).authenticate(await sign({ ...good, exp: 1e18 }))
    expect(principal.expiresAtMs).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('times', () => {
  test.each([
    ['exp', -4, 'accepted'],
    ['exp', -5, 'TOKEN_EXPIRED: the token has expired'],
    ['nbf', 5, 'accepted'],
    ['nbf', 6, 'TOKEN_INVALID: claim "nbf" is not acceptable'],
    ['iat', 5, 'accepted'],
    ['iat', 6, 'TOKEN_INVALID: claim "iat" is in the future'],
  ])('%s %i s from now, at 5 s tolerance: %s', async (claim, seconds, verdict) => {
    expect(await refusal(await sign({ ...good, [claim]: NOW_SECONDS + seconds }))).toBe(verdict)
  })
})

describe('claims', () => {
  const refused: [name: string, claims: JWTPayload, reason: string][] = [
    ['sub missing', { exp: NOW_SECONDS + 60 }, 'claim "sub" is missing'],
    ['exp missing', { sub: 'alice' }, 'claim "exp" is missing'],
    ['sub empty', { ...good, sub: '' }, 'claim "sub" is not a user name'],
    ['sub of 129 bytes', { ...good, sub: 'x'.repeat(129) }, 'claim "sub" is not a user name'],
    ['sub with a line break', { ...good, sub: 'a\nb' }, 'claim "sub" is not a user name'],
    ['name not text', { ...good, name: 7 }, 'claim "name" is not a name'],
    ['role unknown', { ...good, role: 'root' }, 'claim "role" is not user, service or admin'],
    ['role not text', { ...good, role: ['admin'] }, 'claim "role" is not user, service or admin'],
    [
      'role named like an object member',
      { ...good, role: 'constructor' },
      'claim "role" is not user, service or admin',
    ],
  ]
  test.each(refused)('%s: refused', async (_name, claims, reason) => {
    expect(await refusal(await sign(claims))).toBe(`TOKEN_INVALID: ${reason}`)
  })

  test('an expected issuer and audience must be there', async () => {
    const strict = await verifier({ issuer: 'id.example', audience: 'chat' })
    expect(await refusal(await sign({ ...good, iss: 'id.example', aud: ['chat', 'mail'] }), strict)).toBe('accepted')
    expect(await refusal(await sign({ ...good, aud: 'chat' }), strict)).toBe('TOKEN_INVALID: claim "iss" is missing')
    expect(await refusal(await sign({ ...good, iss: 'id.example', aud: 'mail' }), strict)).toBe(
      'TOKEN_INVALID: claim "aud" is not acceptable',
    )
  })
})

describe('forgeries', () => {
  test('another secret does not match', async () => {
    const token = await sign(good, 'HS256', hmac('another secret of the same length.....'))
    expect(await refusal(token)).toBe('TOKEN_INVALID: the signature does not match')
  })

  test('changed claims do not match', async () => {
    const [header, , signature] = (await sign(good)).split('.')
    const claims = base64url.encode(JSON.stringify({ ...good, role: 'admin' }))
    expect(await refusal(`${header}.${claims}.${signature}`)).toBe('TOKEN_INVALID: the signature does not match')
  })

  test('alg none is refused', async () => {
    const claims = base64url.encode(JSON.stringify(good))
    const token = `${base64url.encode('{"alg":"none"}')}.${claims}.`
    expect(await refusal(token)).toBe('TOKEN_INVALID: the algorithm is not accepted')
  })

  test('HS512 with the right secret is refused', async () => {
    expect(await refusal(await sign(good, 'HS512'))).toBe('TOKEN_INVALID: the algorithm is not accepted')
  })

  test.each(['', '.', '..', 'a.b.c', 'x'.repeat(4000), '\u0000', '{}.{}.{}'])('%j is not a token', async (text) => {
    expect(await refusal(text)).toMatch(/^TOKEN_INVALID: /)
  })

  test('a signed text that is no claims set is refused', async () => {
    const token = await new CompactSign(hmac('[]')).setProtectedHeader({ alg: 'HS256' }).sign(hmac())
    expect(await refusal(token)).toBe('TOKEN_INVALID: not a token')
  })

  test('refusals never quote the token', async () => {
    const token = await sign({ ...good, role: 'root' })
    expect(await refusal(token)).not.toContain(token)
    expect(await refusal(token)).not.toContain('root')
  })
})

describe('public keys', () => {
  test.each(['EdDSA', 'ES256', 'RS256'])('a PEM file verifies %s', async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg)
    const byPem = await publicKeyVerifier(await exportSPKI(publicKey))
    expect(await refusal(await sign(good, alg, privateKey), byPem)).toBe('accepted')
  })

  test('the text of a public key is no HS256 secret', async () => {
    const { publicKey } = await generateKeyPair('RS256')
    const pem = await exportSPKI(publicKey)
    const byPem = await publicKeyVerifier(pem)
    expect(await refusal(await sign(good, 'HS256', hmac(pem)), byPem)).toBe(
      'TOKEN_INVALID: the algorithm is not accepted',
    )
  })

  test('another key of the same kind does not match', async () => {
    const { publicKey } = await generateKeyPair('ES256')
    const { privateKey } = await generateKeyPair('ES256')
    const byPem = await publicKeyVerifier(await exportSPKI(publicKey))
    expect(await refusal(await sign(good, 'ES256', privateKey), byPem)).toBe(
      'TOKEN_INVALID: the signature does not match',
    )
  })

  test('a JWKS file verifies by key id', async () => {
    const [first, second] = await Promise.all([generateKeyPair('EdDSA'), generateKeyPair('EdDSA')])
    const keys = [
      { ...(await exportJWK(first.publicKey)), kid: 'one' },
      { ...(await exportJWK(second.publicKey)), kid: 'two' },
    ]
    const byJwks = await publicKeyVerifier(JSON.stringify({ keys }))
    const token = (kid: string) => new SignJWT(good).setProtectedHeader({ alg: 'EdDSA', kid }).sign(second.privateKey)
    expect(await refusal(await token('two'), byJwks)).toBe('accepted')
    expect(await refusal(await token('one'), byJwks)).toBe('TOKEN_INVALID: the signature does not match')
    expect(await refusal(await token('six'), byJwks)).toBe('TOKEN_INVALID: no key, or more than one, fits the token')
    expect(await refusal(await sign(good), byJwks)).toBe('TOKEN_INVALID: the algorithm is not accepted')
  })

  test.each([
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----', 'neither a PEM'],
    ['a broken PEM', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', 'NESTWIRE_AUTH_PUBLIC_KEY_FILE'],
    ['a JWKS with a secret', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', 'not a JWKS of public keys'],
    [
      'a JWKS with a private key',
      '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}]}',
      'not a JWKS of public keys',
    ],
    ['a JWKS without keys', '{"keys":[]}', 'not a JWKS of public keys'],
    ['a key of another curve', '{"keys":[{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}]}', 'only Ed25519'],
  ])('%s stops the start', async (_name, content, message) => {
    const path = await temporaryFile(content)
    await expect(readVerificationKey(path)).rejects.toThrow(message)
  })

  test('a missing file stops the start', async () => {
    await expect(readVerificationKey('/nowhere/key.pem')).rejects.toThrow(/NESTWIRE_AUTH_PUBLIC_KEY_FILE: ENOENT/)
  })
})
