import { Controller } from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { RequireRole } from '../../src/auth/role.guard.js'
import { decodeBody } from '../../src/protocol/body.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { parseUserId } from '../../src/protocol/ids.js'
import type { Authenticator, Role } from '../../src/transport/authentication.js'
import { startTransport } from '../support/transport-harness.js'

@RequireRole('admin')
@Controller()
class VaultController {
  @MessagePattern('vault.open')
  open(): string {
    return 'open'
  }

  @RequireRole('service', 'admin')
  @MessagePattern('vault.look')
  look(): string {
    return 'gold'
  }
}

/** Whatever the token, a caller of this role. */
const allAre = (role: Role): Authenticator => ({
  async authenticate(token) {
    const user = parseUserId(token)
    if (user === undefined) throw new Error('no name')
    return { user, username: user, role, expiresAtMs: Infinity }
  },
})

async function answerTo(role: Role | 'none', pattern: string): Promise<unknown> {
  const authentication = role === 'none' ? 'none' : allAre(role)
  const transport = await startTransport({ authentication, module: { controllers: [VaultController] } })
  const client = await transport.greeted()
  if (role !== 'none') await client.ask({ kind: 'auth', correlation: 1, redirects: 0, token: role }, 'authOk')
  const unset = { deadlineMs: undefined, metadata: undefined }
  client.send({ kind: 'request', correlation: 2, priority: 0, ...unset, pattern, body: Buffer.alloc(0) })
  const answer = await client.next()
  if (answer?.kind === 'reply') return decodeBody(answer.body)
  return answer?.kind === 'error' ? [answer.code, answer.message] : answer
}

test.each([
  ['admin', 'vault.open', 'open'],
  ['service', 'vault.open', [ErrorCode.Forbidden, 'needs the role admin']],
  ['user', 'vault.open', [ErrorCode.Forbidden, 'needs the role admin']],
  ['none', 'vault.open', [ErrorCode.Forbidden, 'needs the role admin']],
  ['admin', 'vault.look', 'gold'],
  ['service', 'vault.look', 'gold'],
  ['user', 'vault.look', [ErrorCode.Forbidden, 'needs the role service or admin']],
] as const)('%s asks %s: %j', async (role, pattern, answer) => {
  expect(await answerTo(role, pattern)).toEqual(answer)
})
