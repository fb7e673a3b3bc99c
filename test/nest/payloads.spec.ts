import { Controller, HttpException, StandardSchemaValidationPipe, UsePipes } from '@nestjs/common'
import { Ctx, MessagePattern, Payload, RpcException } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { NestwireContext } from '../../src/transport/nestwire.context.js'
import { NestwireException } from '../../src/transport/nestwire.exception.js'
import { PayloadPipe } from '../../src/transport/payload.pipe.js'
import { ask, failureOf, startMicroservice } from './nest-apps.js'

const order = z.object({ item: z.string(), count: z.int().min(1).default(1) })

const asRpcException = (issues: readonly { readonly message: string }[]): RpcException =>
  new RpcException({ issues: issues.map(({ message }) => message) })

@Controller()
class PayloadsController {
  @MessagePattern('key')
  key(@Payload('city') city: unknown, @Payload() whole: unknown): unknown {
    return { city: city ?? 'none', whole }
  }
  @UsePipes(new StandardSchemaValidationPipe())
  @MessagePattern('schema')
  schema(@Payload({ schema: order }) data: z.output<typeof order>): unknown {
    return data
  }
  @MessagePattern('schema.rpc')
  schemaRpc(
    @Payload({ schema: order, pipes: [new StandardSchemaValidationPipe({ exceptionFactory: asRpcException })] })
    data: z.output<typeof order>,
  ): unknown {
    return data
  }
  @MessagePattern('schema.coded')
  schemaCoded(@Payload(new PayloadPipe(order)) data: z.output<typeof order>): unknown {
    return data
  }
  @MessagePattern('http')
  http(): never {
    throw new HttpException('for browsers', 418)
  }
  @MessagePattern('coded')
  coded(): never {
    throw new NestwireException(ErrorCode.RoomFull, 'no seat left', { retryAfterMs: 250, details: { per: 'minute' } })
  }
  @MessagePattern('failure.long')
  failureLong(@Payload() characters: number): never {
    throw new NestwireException(ErrorCode.BadPayload, 'x'.repeat(characters), { details: 'y'.repeat(characters) })
  }
  @MessagePattern('failure.large')
  failureLarge(@Payload() characters: number): never {
    throw new RpcException({ message: 'too much to tell', text: 'x'.repeat(characters) })
  }
  @MessagePattern('failure.function')
  failureFunction(): never {
    throw new RpcException({ message: 'cannot be sent', call: () => undefined })
  }
  @MessagePattern('failure.number')
  failureNumber(): never {
    throw new NestwireException(ErrorCode.RoomFull, 'come back', { retryAfterMs: Infinity })
  }
  @MessagePattern('context')
  context(@Ctx() context: NestwireContext): unknown {
    return {
      pattern: context.getPattern(),
      principal: context.getPrincipal() ?? 'nobody',
      args: context.getArgs().length,
    }
  }
}

const start = () => startMicroservice({ controllers: [PayloadsController] })

test('@Payload of a key takes that property', async () => {
  const { client } = await start()
  expect(await ask(client, 'key', { city: 'Berne' })).toEqual({ city: 'Berne', whole: { city: 'Berne' } })
  expect(await ask(client, 'key', {})).toEqual({ city: 'none', whole: {} })
})

test('a standard schema shapes the payload', async () => {
  const { client } = await start()
  expect(await ask(client, 'schema', { item: 'tea' })).toEqual({ item: 'tea', count: 1 })
  expect(await ask(client, 'schema.rpc', { item: 'tea', count: 2 })).toEqual({ item: 'tea', count: 2 })
})

test('a standard schema refuses with an exception of its own only if told to', async () => {
  const { client } = await start()
  const masked = { status: 'error', message: 'Internal server error' }
  expect(await failureOf(ask(client, 'schema', { item: 3 }))).toEqual(masked)
  expect(await failureOf(ask(client, 'schema.rpc', { item: 'tea', count: 0 }))).toEqual({
    issues: [expect.stringContaining('>=1')],
  })
})

test('a payload pipe refuses with BAD_PAYLOAD and says where', async () => {
  const { client } = await start()
  expect(await failureOf(ask(client, 'schema.coded', { item: 'tea', count: 0 }))).toMatchObject({
    status: 'error',
    code: 'BAD_PAYLOAD',
    message: expect.stringMatching(/^count: /),
    details: [{ path: 'count', message: expect.any(String) }],
  })
})

test('an HttpException is masked', async () => {
  const { client } = await start()
  expect(await failureOf(ask(client, 'http'))).toEqual({ status: 'error', message: 'Internal server error' })
})

test('a coded failure keeps code, retry time and details', async () => {
  const { client } = await start()
  expect(await failureOf(ask(client, 'coded'))).toEqual({
    status: 'error',
    code: 'ROOM_FULL',
    message: 'no seat left',
    retryAfterMs: 250,
    details: { per: 'minute' },
  })
})

test('a failure too long for its frame is cut and costs no connection', async () => {
  const { client } = await start()
  const socket = await client.connect().then(() => client.unwrap())
  const cut = { status: 'error', code: 'BAD_PAYLOAD', message: 'x'.repeat(1024) }
  expect(await failureOf(ask(client, 'failure.long', 70_000))).toEqual(cut)
  expect(await failureOf(ask(client, 'failure.large', 70_000))).toEqual({
    status: 'error',
    code: 'APPLICATION',
    message: 'too much to tell',
  })
  expect(client.unwrap()).toBe(socket)
})

test('a failure that just fits its frame travels whole', async () => {
  const { client } = await start()
  const { text } = (await failureOf(ask(client, 'failure.large', 65_000))) as { readonly text: string }
  expect(text).toHaveLength(65_000)
})

test('a failure that cannot be sent keeps its message', async () => {
  const { client } = await start()
  expect(await failureOf(ask(client, 'failure.function'))).toEqual({
    status: 'error',
    code: 'APPLICATION',
    message: 'cannot be sent',
  })
})

test('a failure whose numbers cannot be sent is INTERNAL', async () => {
  const { client } = await start()
  expect(await failureOf(ask(client, 'failure.number'))).toMatchObject({ status: 'error', code: 'INTERNAL' })
})

test('the context tells pattern, caller and its arguments', async () => {
  const { client } = await start()
  expect(await ask(client, 'context')).toEqual({ pattern: 'context', principal: 'nobody', args: 3 })
})
