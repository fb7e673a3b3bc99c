/** Whose token a command uses: the one given, or one made on the spot with the secret of the local server. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { issueToken, type TokenRequest } from '../auth/token-issuer.js'
import { parseUserId } from '../protocol/ids.js'
import type { CliIo } from './cli-io.js'
import type { Arguments } from './command.js'
import { UsageError } from './usage-error.js'

const TOKEN_TTL_SECONDS = 3600
type Role = TokenRequest['role']
const roles: readonly Role[] = ['user', 'service', 'admin']

export const credentialOptions = {
  user: { value: 'NAME', help: 'who you are; a token is made with the local secret' },
  role: { value: 'ROLE', help: 'user, service or admin (default: user)' },
  token: { value: 'TOKEN', help: 'a token you have; --user and --role do not count then' },
} as const

/** A function, so that each connection gets a fresh one; `undefined` if neither a token nor `user` is given. */
export function tokenSource(
  args: Arguments,
  env: CliIo['env'],
  user: string | undefined,
): string | (() => Promise<string>) | undefined {
  const token = args.text('token')
  if (token !== undefined) return token
  if (user === undefined) return undefined
  const identity = { user: checkedUser(user), role: roleOf(args) }
  const secret = localSecret(env)
  return () => issueToken({ ...identity, ttlSeconds: TOKEN_TTL_SECONDS }, secret)
}

export const userOf = (args: Arguments): string => checkedUser(args.required('user'))

function checkedUser(user: string): string {
  if (user === '') throw new UsageError('--user is missing')
  if (parseUserId(user) === undefined) throw new UsageError(`not a user name: ${user}`)
  return user
}

export function roleOf(args: Arguments): Role {
  const role = roles.find((known) => known === (args.text('role') ?? 'user'))
  if (role === undefined) throw new UsageError(`--role is one of ${roles.join(', ')}`)
  return role
}

/** The secret that the server on this machine signs with. */
export function localSecret(env: CliIo['env']): string {
  const secret = env['NESTWIRE_AUTH_SECRET']
  if (secret !== undefined && secret !== '') return secret
  const path = join(env['NESTWIRE_DATA_DIR'] || 'data', 'auth-secret')
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    const why = isMissing ? `there is no secret at ${path}` : `the secret at ${path} cannot be read`
    throw new UsageError(`${why}: start the server here first, or give --token`, { cause })
  }
}
