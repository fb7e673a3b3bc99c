import {
  BadRequestException,
  Controller,
  Get,
  HttpException,
  InternalServerErrorException,
  NotFoundException,
  UseFilters,
} from '@nestjs/common'
import { APP_FILTER } from '@nestjs/core'
import { MessagePattern, Payload } from '@nestjs/microservices'
import {
  CurrentSession,
  CurrentUser,
  NestwireException,
  NestwireExceptionFilter,
  RequireRole,
  type Authenticator,
  type Principal,
} from 'nestwire'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ErrorCode, parseUserId, type SessionId } from '../../src/protocol/index.js'
import { ask, clientOf, failureOf, startHybrid, startMicroservice } from './nest-apps.js'

@Controller()
class CallersController {
  @MessagePattern('who')
  who(@CurrentUser() caller: Principal, @CurrentSession() session: SessionId): unknown {
    return { user: caller.user, role: caller.role, session }
  }

  @RequireRole('admin')
  @MessagePattern('vault')
  vault(): string {
    return 'open'
  }
}

/** The token is the name; whoever is called root is an admin. */
const byName: Authenticator = {
  async authenticate(token) {
    const user = parseUserId(token)
    if (user === undefined) throw new NestwireException(ErrorCode.TokenInvalid, 'no name')
    return { user, username: token, role: token === 'root' ? 'admin' : 'user', expiresAtMs: Infinity }
  },
}

describe('who calls', () => {
  test('is a parameter of the handler', async () => {
    const { port } = await startMicroservice({ controllers: [CallersController], server: { authentication: byName } })
    expect(await ask(clientOf(port, { token: 'alice' }), 'who')).toEqual({
      user: 'alice',
      role: 'user',
      session: expect.stringMatching(/./),
    })
  })

  test('is nobody without a login: FORBIDDEN', async () => {
    const { client } = await startMicroservice({ controllers: [CallersController] })
    expect(await failureOf(client.send('who', 0))).toMatchObject({ code: 'FORBIDDEN', message: 'needs a login' })
  })

  test('needs the role that the handler asks for', async () => {
    const { port } = await startMicroservice({ controllers: [CallersController], server: { authentication: byName } })
    expect(await ask(clientOf(port, { token: 'root' }), 'vault')).toBe('open')
    expect(await failureOf(clientOf(port, { token: 'alice' }).send('vault', 0))).toMatchObject({ code: 'FORBIDDEN' })
  })
})

const failures: Readonly<Record<string, () => unknown>> = {
  notFound: () => new NotFoundException({ shelf: 7 }),
  badRequest: () => new BadRequestException('no such colour'),
  tooMany: () => new HttpException('slowly', 429),
  broken: () => new InternalServerErrorException('password is hunter2'),
  coded: () => new NestwireException(ErrorCode.RoomNotFound, 'there is no room'),
  zod: () => z.object({ age: z.number() }).safeParse({ age: 'x' }).error,
}

@Controller()
class FailingController {
  @UseFilters(NestwireExceptionFilter)
  @MessagePattern('fail')
  fail(@Payload() kind: string): never {
    throw failures[kind]?.()
  }

  @Get('fail')
  get(): never {
    throw new NotFoundException('no page')
  }
}

describe('NestwireExceptionFilter', () => {
  test.each([
    ['notFound', { shelf: 7 }],
    ['badRequest', { status: 'error', code: 'BAD_PAYLOAD', message: 'no such colour' }],
    ['tooMany', { status: 'error', code: 'RATE_LIMITED', message: 'slowly' }],
    ['broken', { status: 'error', message: 'Internal server error' }],
    ['coded', { status: 'error', code: 'ROOM_NOT_FOUND', message: 'there is no room' }],
    ['zod', { status: 'error', code: 'BAD_PAYLOAD', details: [{ path: 'age' }] }],
  ])('answers %s with %j', async (kind, answer) => {
    const { client } = await startMicroservice({ controllers: [FailingController] })
    expect(await failureOf(client.send('fail', kind))).toMatchObject(answer)
  })

  test('as an APP_FILTER leaves HTTP as it is', async () => {
    const { app, client } = await startHybrid({
      controllers: [FailingController],
      providers: [{ provide: APP_FILTER, useClass: NestwireExceptionFilter }],
      connect: { inheritAppConfig: true },
    })
    const { port } = app.getHttpServer().address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}/fail`)
    expect([response.status, await response.json()]).toMatchObject([404, { message: 'no page' }])
    expect(await failureOf(client.send('fail', 'badRequest'))).toMatchObject({ code: 'BAD_PAYLOAD' })
  })
})
