import { issueToken } from '../../auth/token-issuer.js'
import { writeLine } from '../cli-io.js'
import type { Command } from '../command.js'
import { localSecret, roleOf, userOf } from '../credentials.js'
import { parseDurationSeconds } from '../duration.js'
import { ExitCode } from '../exit-codes.js'

export const tokenCommand: Command = {
  name: 'token',
  operands: '',
  summary: 'make a token with the local secret',
  options: {
    user: { value: 'NAME', help: 'whom the token is for' },
    role: { value: 'ROLE', help: 'user, service or admin (default: user)' },
    ttl: { value: 'TIME', help: 'how long it is good: 90s, 15m, 1h, 30d (default: 1h)' },
    name: { value: 'TEXT', help: 'the name people see (default: the user name)' },
  },
  async run({ args, io }) {
    args.take()
    const username = args.text('name')
    const ttlSeconds = parseDurationSeconds(args.text('ttl') ?? '1h')
    const request = { user: userOf(args), role: roleOf(args), ttlSeconds }
    const named = username === undefined ? request : { ...request, username }
    writeLine(io.stdout, await issueToken(named, localSecret(io.env)))
    return ExitCode.Ok
  },
}
