/**
 * The key decides the algorithms, never the token: a public key accepts no HS256 token that was "signed" with its own text.
 * Keys are imported at start-up and at each reload.
 */
import { createPublicKey, createSecretKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import {
  createLocalJWKSet,
  importSPKI,
  jwtVerify,
  type CryptoKey,
  type JWK,
  type JWTClaimVerificationOptions,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose'
import { z } from 'zod'
import { StartUpError } from '../config/start-up-error.js'
import { verifyHs256 } from './hs256.js'

export interface VerificationKey {
  /** The claims of a token whose signature is this key's. Fails with a `JOSEError`. */
  verify(token: string, claims: JWTClaimVerificationOptions): JWTPayload | Promise<JWTPayload>
}

export function secretVerificationKey(secret: string): VerificationKey {
  const key = createSecretKey(secret, 'utf8')
  return { verify: (token, claims) => verifyHs256(token, key, claims) }
}

/** A PEM file with one SPKI public key, or a JWKS file. Rejects with `StartUpError`, which tells nothing of the content. */
export async function readVerificationKey(path: string): Promise<VerificationKey> {
  try {
    const content = await readFile(path, 'utf8')
    return content.trimStart().startsWith('{') ? jwksVerificationKey(content) : await pemVerificationKey(content)
  } catch (cause) {
    throw new StartUpError(`NESTWIRE_AUTH_PUBLIC_KEY_FILE: ${reasonOf(cause)}`, { cause })
  }
}

/** Of what the file system says the code: the rest is the path. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return 'syscall' in cause && 'code' in cause ? String(cause.code) : cause.message
}

async function pemVerificationKey(pem: string): Promise<VerificationKey> {
  // createPublicKey would also take a private key, which has no business on this machine.
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) throw new Error('neither a PEM "PUBLIC KEY" nor a JWKS')
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey(pem)
  const algorithm = algorithmOf(type === 'ec' ? details?.namedCurve : type)
  const key: CryptoKey = await importSPKI(pem, algorithm)
  return publicVerificationKey([algorithm], () => key)
}

function publicVerificationKey(algorithms: readonly string[], key: JWTVerifyGetKey): VerificationKey {
  return {
    verify: async (token, claims) => (await jwtVerify(token, key, { ...claims, algorithms: [...algorithms] })).payload,
  }
}

const jwksSchema = z.object({ keys: z.array(z.custom<JWK>(isPublicKey)).min(1) })

function isPublicKey(value: unknown): value is JWK {
  return typeof value === 'object' && value !== null && 'kty' in value && value.kty !== 'oct' && !('d' in value)
}

function jwksVerificationKey(content: string): VerificationKey {
  const parsed = jwksSchema.safeParse(parsedJson(content))
  if (!parsed.success) throw new Error('not a JWKS of public keys')
  const algorithms = new Set(parsed.data.keys.map(({ kty, crv }) => algorithmOf(kty === 'RSA' ? 'rsa' : crv)))
  return publicVerificationKey([...algorithms], createLocalJWKSet(parsed.data))
}

/** What `JSON.parse` complains of quotes the text. */
function parsedJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    throw new Error('not JSON')
  }
}

/** By the names of PEM (node:crypto) and of JWK. */
const algorithmsByKeyType: ReadonlyMap<string | undefined, string> = new Map([
  ['ed25519', 'EdDSA'],
  ['Ed25519', 'EdDSA'],
  ['prime256v1', 'ES256'],
  ['P-256', 'ES256'],
  ['rsa', 'RS256'],
])

function algorithmOf(keyType: string | undefined): string {
  const algorithm = algorithmsByKeyType.get(keyType)
  if (algorithm === undefined) throw new Error('only Ed25519, P-256 and RSA keys are supported')
  return algorithm
}
