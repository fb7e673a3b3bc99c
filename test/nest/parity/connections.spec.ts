/** Connections: made and lost, calls in flight then, bounds, and what an application may ask of its transport. */
import { Socket, type AddressInfo, type Server } from 'node:net'
import { Controller, Injectable } from '@nestjs/common'
import { MessagePattern, Payload, type ClientProxy } from '@nestjs/microservices'
import { NEVER, Observable, lastValueFrom, take, toArray } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../bench/free-port.js'
import { NestwireClient } from '../../../src/transport/nestwire-client.js'
import { ManualClock } from '../../support/manual-clock.js'
import { Gate, Journal } from '../nest-apps.js'
import {
  NESTWIRE,
  TCP,
  clientOf,
  differs,
  listenerOf,
  onBoth,
  outcomeOf,
  startMicroservice,
  type Transported,
} from './transports.js'

@Controller()
@Injectable()
class LongController {
  constructor(
    private readonly gate: Gate,
    private readonly journal: Journal,
  ) {}
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data
  }
  @MessagePattern('endless')
  endless(): typeof NEVER {
    void this.gate.pass()
    return NEVER
  }
  @MessagePattern('watched')
  watched(): Observable<number> {
    return new Observable((subscriber) => {
      subscriber.next(1)
      return () => this.journal.note('torn down')
    })
  }
  @MessagePattern('large')
  large(): string {
    this.journal.note('large')
    return LARGE
  }
}

const LARGE = 'x'.repeat(50_000)
const module = { controllers: [LongController], providers: [Gate, Journal] }
const start = (transport: Transported, port = 0) => startMicroservice(transport, { ...module, port })

/** The sockets of a server's clients, as the server has them. */
function acceptedBy(server: Server): readonly Socket[] {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => sockets.push(socket))
  return sockets
}

const statusesOf = (client: ClientProxy): readonly string[] => {
  const statuses: string[] = []
  const subscription = client.status.subscribe((status) => statuses.push(status))
  onTestFinished(() => subscription.unsubscribe())
  return statuses
}

onBoth((transport) => {
  test('the first call connects, and all calls share one connection', async () => {
    const { app, client } = await start(transport)
    const sockets = acceptedBy(listenerOf(app))
    await Promise.all([1, 2, 3].map((number) => lastValueFrom(client.send('echo', number))))
    expect(sockets).toHaveLength(1)
  })

  test('a server that is not there refuses connect and calls', async () => {
    const client = clientOf(transport, await freePort())
    await expect(client.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await outcomeOf(client, 'echo')).toMatchObject({ values: [], error: { code: 'ECONNREFUSED' } })
  })

  test('a server that comes later is found by the next call', async () => {
    const port = await freePort()
    const client = clientOf(transport, port)
    await outcomeOf(client, 'echo')
    await start(transport, port)
    expect(await outcomeOf(client, 'echo', 'found')).toEqual({ values: ['found'] })
  })

  test('a call after a restart of the server connects anew', async () => {
    const { app, client, port } = await start(transport)
    const statuses = statusesOf(client)
    await client.connect()
    await app.close()
    await expect.poll(() => statuses.at(-1)).toBe('disconnected')
    await start(transport, port)
    expect(await outcomeOf(client, 'echo', 'again')).toEqual({ values: ['again'] })
    expect(statuses).toEqual(['connected', 'disconnected', 'connected'])
  })

  test('a call in flight fails with its connection, and the next one connects anew', async () => {
    const { app, client } = await start(transport)
    const sockets = acceptedBy(listenerOf(app))
    const outcome = outcomeOf(client, 'endless')
    await app.get(Gate).reached
    for (const socket of sockets) socket.destroy()
    expect(await outcome).toMatchObject({ values: [], error: expect.any(Error) })
    expect(await outcomeOf(client, 'echo', 'again')).toEqual({ values: ['again'] })
  })

  test('closing the client fails its calls in flight, and a later call connects anew', async () => {
    const { app, client } = await start(transport)
    const outcome = outcomeOf(client, 'endless')
    await app.get(Gate).reached
    await client.close()
    expect(await outcome).toMatchObject({ values: [], error: expect.any(Error) })
    expect(await outcomeOf(client, 'echo', 'again')).toEqual({ values: ['again'] })
  })

  test('whoever unsubscribes hears no more, and the connection goes on', async () => {
    const { client } = await start(transport)
    expect(await lastValueFrom(client.send('watched', 0).pipe(take(1), toArray()))).toEqual([1])
    expect(await outcomeOf(client, 'echo', 'alive')).toEqual({ values: ['alive'] })
  })

  test('unwrap gives the sockets, once there are some', async () => {
    const { app, client } = await start(transport)
    expect(() => client.unwrap()).toThrow('call')
    await client.connect()
    expect(client.unwrap<Socket>()).toBeInstanceOf(Socket)
    expect(client.unwrap<Socket>().remotePort).toBe((app.unwrap<Server>().address() as AddressInfo).port)
  })

  test('on listens to the connections of a client and of a server', async () => {
    const { app, client } = await start(transport)
    const heard: string[] = []
    const listen = client.on.bind(client) as (event: string, listener: () => void) => void
    listen('connect', () => heard.push('client: connect'))
    app.on('connection', () => heard.push('server: connection'))
    await client.connect()
    await lastValueFrom(client.send('echo', 0))
    expect(heard.toSorted()).toEqual(['client: connect', 'server: connection'])
  })

  test('who asks and does not read is not read from, and then served', async () => {
    const { app, client } = await start(transport)
    const sockets = acceptedBy(listenerOf(app))
    await client.connect()
    client.unwrap<Socket>().pause()
    const calls = Array.from({ length: 4_000 }, () => lastValueFrom(client.send<string>('large', 0)))
    const handled = () => app.get(Journal).notes.length
    await expect.poll(() => sockets[0]?.writableNeedDrain).toBe(true)
    // Long enough for a server that goes on reading: it has all there is to read.
    const stuck = await settled(handled)
    expect(stuck).toBeLessThan(calls.length)
    client.unwrap<Socket>().resume()
    const answers = await Promise.all(calls)
    expect(answers.every((answer) => answer === LARGE)).toBe(true)
  })
})

/** A number that has stopped growing. */
async function settled(read: () => number): Promise<number> {
  let last = -1
  await expect
    .poll(
      () => {
        const before = last
        last = read()
        return last === before
      },
      { interval: 100 },
    )
    .toBe(true)
  return last
}

differs('unsubscribing', {
  TCP: async () => {
    const { app, client } = await start(TCP)
    await lastValueFrom(client.send('watched', 0).pipe(take(1)))
    await lastValueFrom(client.send('echo', 0))
    expect(app.get(Journal).notes).toEqual([])
  },
  Nestwire: async () => {
    const { app, client } = await start(NESTWIRE)
    await lastValueFrom(client.send('watched', 0).pipe(take(1)))
    await lastValueFrom(client.send('echo', 0))
    expect(app.get(Journal).notes).toEqual(['torn down'])
  },
})

/** How many of so many calls that never end have begun. */
function begun(client: ClientProxy, calls: number): { readonly count: number; readonly errors: readonly unknown[] } {
  const seen = { count: 0, errors: [] as unknown[] }
  for (let call = 0; call < calls; call += 1) {
    client.send('watched', 0).subscribe({
      next: () => (seen.count += 1),
      error: (error: unknown) => seen.errors.push(error),
    })
  }
  return seen
}

differs('callsWithoutAnswer', {
  TCP: async () => {
    const { app, client } = await start(TCP)
    let isOver = false
    void outcomeOf(client, 'endless').then(() => (isOver = true))
    await app.get(Gate).reached
    await lastValueFrom(client.send('echo', 0))
    expect(isOver).toBe(false)
  },
  Nestwire: async () => {
    const { app, port } = await start(NESTWIRE)
    const clock = new ManualClock()
    const client = new NestwireClient({ port, clock })
    onTestFinished(() => client.close())
    const seen = begun(client, 1)
    await expect.poll(() => seen.count).toBe(1)
    clock.advance(29_000)
    await lastValueFrom(client.send('echo', 0))
    expect(seen.errors).toEqual([])
    clock.advance(1_000)
    expect(seen.errors).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }])
    await expect.poll(() => app.get(Journal).notes).toEqual(['torn down'])
  },
})

differs('callsBeyondThoseTaken', {
  TCP: async () => {
    const { client } = await start(TCP)
    const seen = begun(client, 1_100)
    await expect.poll(() => seen.count).toBe(1_100)
  },
  Nestwire: async () => {
    const { port } = await start(NESTWIRE)
    const client = new NestwireClient({ port, acquireTimeoutMs: 300 })
    onTestFinished(() => client.close())
    await client.connect()
    const seen = begun(client, 1_023)
    await expect.poll(() => seen.errors).toMatchObject([{ code: 'POOL_EXHAUSTED' }])
    await expect.poll(() => seen.count).toBe(1_022)
  },
})

const lostConnection = async (transport: Transported) => {
  const { app, client } = await start(transport)
  const sockets = acceptedBy(listenerOf(app))
  const outcome = outcomeOf(client, 'watched')
  await expect.poll(() => sockets.length).toBe(1)
  await lastValueFrom(client.send('echo', 0))
  for (const socket of sockets) socket.destroy()
  return { app, error: (await outcome).error }
}

differs('errorsOfConnections', {
  TCP: async () => {
    const { error } = await lostConnection(TCP)
    expect(error).toEqual(new Error('Connection closed'))
    expect(error).not.toHaveProperty('code')
  },
  Nestwire: async () => expect((await lostConnection(NESTWIRE)).error).toMatchObject({ code: 'CONNECTION_LOST' }),
})

differs('callersThatAreGone', {
  TCP: async () => {
    const { app } = await lostConnection(TCP)
    expect(app.get(Journal).notes).toEqual([])
  },
  Nestwire: async () => {
    const { app } = await lostConnection(NESTWIRE)
    await expect.poll(() => app.get(Journal).notes).toEqual(['torn down'])
  },
})

test("a client of Nest's TCP transport is hung up on at once", async () => {
  const { port } = await start(NESTWIRE)
  expect(await outcomeOf(clientOf(TCP, port), 'echo')).toEqual({ values: [], error: new Error('Connection closed') })
})

test("a client of ours gives up on a server of Nest's TCP transport", async () => {
  const { port } = await start(TCP)
  const client = new NestwireClient({ port, connectTimeoutMs: 50 })
  onTestFinished(() => client.close())
  await expect(client.connect()).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' })
})
