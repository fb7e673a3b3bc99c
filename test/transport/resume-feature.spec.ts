/** The transport's part in resume, without chat: who is offered it, what may follow, and what observers hear. */
import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { trustedSessionId } from '../../src/protocol/ids.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { CompactRoute } from '../../src/transport/compact-route.js'
import { NestwireContext } from '../../src/transport/nestwire.context.js'
import { NestwireException } from '../../src/transport/nestwire.exception.js'
import type { ConnectionHandle } from '../../src/transport/connection-handle.js'
import { userId } from '../delivery/names.js'
import { resume } from '../support/chat-user.js'
import { hello, type RawClient } from '../support/raw-client.js'
import { startTransport } from '../support/transport-harness.js'

const user = userId('alice')
const principal = { user, username: 'alice', role: 'user', expiresAtMs: Infinity } as const
const session = trustedSessionId('s1')

/** Resumes that wait to be let go. */
const held: (() => void)[] = []

@Controller()
class ResumeController {
  @MessagePattern('auth.resume')
  async resume(@Payload() ticket: string, @Ctx() context: NestwireContext): Promise<string> {
    await (ticket === 'held' ? new Promise<void>((resolve) => held.push(resolve)) : new Promise(setImmediate))
    if (ticket === 'bad') throw new NestwireException(ErrorCode.TicketInvalid, 'a bad one')
    context.getConnection().admit({ principal, session })
    if (ticket === 'half') throw new NestwireException(ErrorCode.LogUnavailable, 'admitted and then failed')
    return ticket
  }
}

const route: CompactRoute<'resume'> = {
  packet: 'resume',
  pattern: 'auth.resume',
  toPayload: ({ ticket }) => ticket.toString(),
  toReply: (_ticket, correlation) => {
    const grant = { user, session, role: 0, expiresAtMs: 0, dedupWindowMs: 0, ticket: Buffer.alloc(0) } as const
    return encodePacket({ kind: 'resumed', correlation, ...grant, rooms: [] })
  },
}

const ticket = (text: string, correlation = 1): Packet => resume(Buffer.from(text), [], correlation)
const ping: Packet = { kind: 'ping', correlation: 9 }

async function startResumable(compactRoutes: readonly CompactRoute<'resume'>[] = [route]) {
  const heard: unknown[] = []
  const observer = {
    connectionActive: (connection: ConnectionHandle) => void heard.push(['active', connection.grant?.session]),
    connectionPonged: (_: ConnectionHandle, correlation: number) => void heard.push(['pong', correlation]),
  }
  const authentication = { authenticate: () => Promise.resolve(principal) }
  const module = { controllers: [ResumeController] }
  const transport = await startTransport({ module, authentication, compactRoutes, observers: [observer] })
  const greeted = async (features: number): Promise<{ client: RawClient; agreed: number }> => {
    const client = await transport.connect()
    const { features: agreed } = await client.ask(hello({ features }), 'welcome')
    return { client, agreed }
  }
  return { ...transport, heard, greeted }
}

test('is offered to those who ask, by those who have a route for it', async () => {
  const { greeted } = await startResumable()
  expect((await greeted(0xff)).agreed).toBe(Feature.Resume | Feature.Positions)
  expect((await greeted(Feature.Positions)).agreed).toBe(Feature.Positions)
  const without = await startResumable([])
  expect((await without.greeted(0xff)).agreed).toBe(Feature.Positions)
})

test('without the feature it is answered, and AUTH may follow', async () => {
  const { client } = await (await startResumable()).greeted(0)
  expect(await client.ask(ticket('good'), 'error')).toMatchObject({ code: ErrorCode.FeatureOff, correlation: 1 })
  await client.ask({ kind: 'auth', correlation: 2, redirects: 0, token: 'any' }, 'authOk')
})

test('makes the connection active, which observers hear once', async () => {
  const { greeted, heard } = await startResumable()
  const { client } = await greeted(Feature.Resume)
  await client.ask(ticket('good'), 'resumed')
  expect(heard).toEqual([['active', 's1']])
  client.send({ kind: 'pong', correlation: 77 })
  await client.expectNothing()
  expect(heard).toEqual([
    ['active', 's1'],
    ['pong', 77],
  ])
})

test('what comes behind it waits for the answer', async () => {
  const { client } = await (await startResumable()).greeted(Feature.Resume)
  client.send(ticket('good'), ping)
  await client.expect('resumed')
  await client.expect('pong')
})

test('a failure leaves the way of AUTH open', async () => {
  const { greeted, heard } = await startResumable()
  const { client } = await greeted(Feature.Resume)
  expect(await client.ask(ticket('bad'), 'error')).toMatchObject({ code: ErrorCode.TicketInvalid })
  expect(await client.ask(ticket('bad', 2), 'error')).toMatchObject({ correlation: 2 })
  expect(heard).toEqual([])
  await client.ask({ kind: 'auth', correlation: 3, redirects: 0, token: 'any' }, 'authOk')
  expect(heard).toHaveLength(1)
})

test('a failure after the connection was admitted ends it', async () => {
  const { client } = await (await startResumable()).greeted(Feature.Resume)
  expect(await client.ask(ticket('half'), 'error')).toMatchObject({ code: ErrorCode.LogUnavailable })
  await client.expectClosed('InternalError')
})

test('on a connection that is gone meanwhile it does nothing', async () => {
  const { greeted, heard, server } = await startResumable()
  const { client } = await greeted(Feature.Resume)
  client.send(ticket('held'))
  await expect.poll(() => held.length).toBe(1)
  client.reset()
  await expect.poll(() => server.connectionCount).toBe(0)
  held.pop()?.()
  await new Promise(setImmediate)
  expect(heard).toEqual([])
})
