/** The end of a server: its hooks, what is in flight then, and what callers hear. */
import {
  Controller,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { Gate, Journal } from '../nest-apps.js'
import {
  NESTWIRE,
  TCP,
  differs,
  listenerOf,
  onBoth,
  outcomeOf,
  startHybrid,
  startMicroservice,
  type Transported,
} from './transports.js'

@Controller()
@Injectable()
class SlowController {
  constructor(private readonly gate: Gate) {}
  @MessagePattern('slow')
  async slow(): Promise<string> {
    await this.gate.pass()
    return 'done'
  }
}

@Injectable()
class ShutdownNotes implements OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(private readonly journal: Journal) {}
  onModuleDestroy(): void {
    this.journal.note('onModuleDestroy')
  }
  beforeApplicationShutdown(): void {
    this.journal.note('beforeApplicationShutdown')
  }
  onApplicationShutdown(): void {
    this.journal.note('onApplicationShutdown')
  }
}

const module = { controllers: [SlowController], providers: [Gate, Journal, ShutdownNotes] }

onBoth((transport) => {
  test('the transport of a microservice closes before the modules', async () => {
    const { app } = await startMicroservice(transport, module)
    const { notes } = app.get(Journal)
    listenerOf(app).on('close', () => notes.push('closed'))
    await app.close()
    await expect.poll(() => notes).toContain('closed')
    expect(notes.filter((note) => note !== 'closed')).toEqual([
      'onModuleDestroy',
      'beforeApplicationShutdown',
      'onApplicationShutdown',
    ])
  })

  test('a closed server leaves no socket of its clients open', async () => {
    const { app, client } = await startMicroservice(transport, module)
    await client.connect()
    const listener = listenerOf(app)
    await app.close()
    await expect.poll(() => new Promise((resolve) => listener.getConnections((_, count) => resolve(count)))).toBe(0)
  })

  test('a hybrid application closes its transport with HTTP', async () => {
    const { app, client } = await startHybrid(transport, module)
    await client.connect()
    const statuses: string[] = []
    client.status.subscribe((status) => statuses.push(status))
    await app.close()
    await expect.poll(() => statuses.at(-1)).toBe('disconnected')
    expect(await outcomeOf(client, 'slow')).toMatchObject({ values: [], error: { code: 'ECONNREFUSED' } })
  })
})

async function closedInFlight(transport: Transported) {
  const { app, client } = await startMicroservice(transport, module)
  const outcome = outcomeOf(client, 'slow')
  const gate = app.get(Gate)
  await gate.reached
  const closed = app.close()
  gate.open()
  await closed
  return outcome
}

differs('callsInFlightAtShutdown', {
  TCP: async () =>
    expect(await closedInFlight(TCP)).toMatchObject({ values: [], error: { message: 'Connection closed' } }),
  Nestwire: async () => expect(await closedInFlight(NESTWIRE)).toEqual({ values: ['done'] }),
})

async function calledWhileClosing(transport: Transported) {
  const { app, client } = await startMicroservice(transport, module)
  const inFlight = outcomeOf(client, 'slow')
  const gate = app.get(Gate)
  await gate.reached
  const closed = app.close()
  const outcome = await outcomeOf(client, 'slow')
  gate.open()
  await Promise.all([closed, inFlight])
  return outcome
}

differs('callsDuringShutdown', {
  TCP: async () => expect(await calledWhileClosing(TCP)).toMatchObject({ error: { message: 'Connection closed' } }),
  Nestwire: async () =>
    expect(await calledWhileClosing(NESTWIRE)).toMatchObject({ error: { status: 'error', code: 'DRAINING' } }),
})
