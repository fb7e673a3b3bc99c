/** An `Authenticator` of the application: what it answers, what it throws, and what the client is then told. */
import type { AddressInfo, Server } from 'node:net'
import { Controller, Injectable, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern, type AsyncMicroserviceOptions } from '@nestjs/microservices'
import {
  CurrentUser,
  ErrorCode,
  NestwireException,
  NestwireServer,
  parseUserId,
  type Authenticator,
  type Principal,
} from 'nestwire'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask, clientOf, failureOf, startMicroservice } from '../nest/nest-apps.js'
import { ManualClock } from '../support/manual-clock.js'
import { startTransport } from '../support/transport-harness.js'

@Controller()
class WhoController {
  @MessagePattern('who')
  who(@CurrentUser() { user }: Principal): string {
    return user
  }
}
const controllers = [WhoController]

const throwing = (error: Error): Authenticator => ({ authenticate: () => Promise.reject(error) })

function principalOf(user: string, expiresAtMs: number): Principal {
  const id = parseUserId(user)
  if (id === undefined) throw new Error(`${user} is no name`)
  return { user: id, username: user, role: 'user', expiresAtMs }
}

const auth = (token: string) => ({ kind: 'auth', correlation: 1, redirects: 0, token }) as const

describe('a client is told', () => {
  test.each([
    [
      'the code and the text of a NestwireException',
      new NestwireException(ErrorCode.TokenExpired, 'was good till noon'),
    ],
    ['when to come again, if it says so', new NestwireException(ErrorCode.RateLimited, 'slower', { retryAfterMs: 50 })],
  ])('%s, and the connection ends', async (_, thrown) => {
    const { greeted } = await startTransport({ authentication: throwing(thrown), module: { controllers } })
    const client = await greeted()
    const { errorCode: code, message, retryAfterMs } = thrown.failure
    expect(await client.ask(auth('t'), 'error')).toMatchObject({ code, message, retryAfterMs })
    await client.expectClosed('AuthRejected')
  })

  test('INTERNAL for any other error, which the log has', async () => {
    const lines: unknown[] = []
    const error = (line: unknown): void => void lines.push(line)
    const logger = { error, log: () => undefined, warn: () => undefined }
    const lost = new Error('the database is gone')
    const server = { authentication: throwing(lost) }
    const { port } = await startMicroservice({ controllers, server, logger })
    const failure = await failureOf(ask(clientOf(port, { token: 't' }), 'who'))
    expect(failure).toMatchObject({ code: 'INTERNAL', message: 'Internal server error' })
    expect(lines).toContain(lost)
  })
})

describe('the time of a principal', () => {
  const startWith = (expiresAtMs: number) =>
    startTransport({
      authentication: { authenticate: () => Promise.resolve(principalOf('alice', expiresAtMs)) },
      module: { controllers },
    })

  test('may be Infinity: AUTH_OK says 0, never', async () => {
    const client = await (await startWith(Infinity)).greeted()
    expect(await client.ask(auth('t'), 'authOk')).toMatchObject({ user: 'alice', expiresAtMs: 0 })
  })

  test('ends the connection when it has come', async () => {
    const expiresAtMs = new ManualClock().now() + 5000
    const { greeted, clock } = await startWith(expiresAtMs)
    const client = await greeted()
    expect(await client.ask(auth('t'), 'authOk')).toMatchObject({ expiresAtMs })
    clock.advance(5250)
    await client.expectClosed('TokenExpired')
  })
})

test('an authenticator may be a provider of the application', async () => {
  @Injectable()
  class Keys implements Authenticator {
    authenticate(token: string): Promise<Principal> {
      return Promise.resolve(principalOf(token, Infinity))
    }
  }
  @Module({ controllers, providers: [Keys] })
  class AppModule {}
  const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(AppModule, {
    inject: [Keys],
    useFactory: (authentication: Keys) => ({ strategy: new NestwireServer({ port: 0, authentication }) }),
    logger: false,
  })
  onTestFinished(() => app.close())
  await app.listen()
  const { port } = app.unwrap<Server>().address() as AddressInfo
  expect(await ask(clientOf(port, { token: 'alice' }), 'who')).toBe('alice')
})
