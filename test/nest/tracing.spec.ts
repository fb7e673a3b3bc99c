/** A trace that comes with a call: from both clients to the handler and its log lines. */
import { Controller } from '@nestjs/common'
import { Ctx, EventPattern, MessagePattern } from '@nestjs/microservices'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import type { NestwireContext } from '../../src/transport/nestwire.context.js'
import { ask, Journal, startMicroservice } from './nest-apps.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`

@Controller()
class TracedController {
  constructor(private readonly journal: Journal) {}
  @MessagePattern('traced')
  traced(@Ctx() context: NestwireContext): unknown {
    return [context.getMetadata()?.['traceparent'], context.getLogFields()]
  }
  @EventPattern('happened')
  happened(@Ctx() context: NestwireContext): void {
    this.journal.note(context.getLogFields().trace ?? 'untraced')
  }
}

const start = () => startMicroservice({ controllers: [TracedController], providers: [Journal] })
const traced = [
  TRACEPARENT,
  expect.objectContaining({ connection: expect.any(String), pattern: 'traced', trace: TRACE }),
]

test('the dispatch hook of a NestwireClient hands a trace to handlers', async () => {
  const { app, client } = await start()
  client.setOnDispatchHook((packet) => {
    packet.metadata = { traceparent: TRACEPARENT }
  })
  expect(await ask(client, 'traced')).toEqual(traced)
  client.emit('happened', 0)
  await ask(client, 'traced')
  expect(app.get(Journal).notes).toEqual([TRACE])
})

test('metadata of a call of the TypeScript client hands a trace to handlers', async () => {
  const { app, port } = await start()
  const client = await connect({ port })
  onTestFinished(() => client.close())
  const metadata = { traceparent: TRACEPARENT }
  expect(await client.request('traced', 0, { metadata })).toEqual(traced)
  await client.emit('happened', 0, { metadata })
  await client.request('traced', 0)
  expect(app.get(Journal).notes).toEqual([TRACE])
})

test('a call without a trace has none', async () => {
  const { client } = await start()
  expect(await ask(client, 'traced')).toEqual([null, { connection: expect.any(String), pattern: 'traced' }])
})
