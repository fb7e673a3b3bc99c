/**
 * One Nest application on Nest's TCP transport and on Nestwire: the specs beside this file run the same battery on both.
 * What both do alike is one expectation; what differs on purpose stands in `differences.ts`.
 */
import type { AddressInfo, Server } from 'node:net'
import type { INestApplication, INestMicroservice, ModuleMetadata, NestHybridApplicationOptions } from '@nestjs/common'
import { ClientTCP, Transport, type ClientProxy, type MicroserviceOptions, type ServerTCP } from '@nestjs/microservices'
import { Test } from '@nestjs/testing'
import { describe, onTestFinished, test } from 'vitest'
import { NestwireClient } from '../../../src/transport/nestwire-client.js'
import { NestwireServer } from '../../../src/transport/nestwire-server.js'
import { differences, type DifferenceName } from './differences.js'

export interface Transported {
  readonly name: 'TCP' | 'Nestwire'
  /** The lines that change in a server, … */
  readonly serverAt: (port: number) => MicroserviceOptions
  /** … and in its clients. Not connected yet. */
  readonly clientAt: (port: number) => ClientProxy
}

export const TCP: Transported = {
  name: 'TCP',
  serverAt: (port) => ({ transport: Transport.TCP, options: { port } }),
  clientAt: (port) => new ClientTCP({ port }) as unknown as ClientProxy,
}
export const NESTWIRE: Transported = {
  name: 'Nestwire',
  serverAt: (port) => ({ strategy: new NestwireServer({ port }) }),
  clientAt: (port) => new NestwireClient({ port }),
}

export const onBoth = (tests: (transport: Transported) => void): void =>
  describe.each([TCP, NESTWIRE])('$name', (transport) => {
    tests(transport)
  })

/** Proves a row of the table of differences, on each transport by its own test. */
export function differs(name: DifferenceName, tests: Readonly<Record<Transported['name'], () => unknown>>): void {
  describe(`differs: ${differences[name].behaviour}`, () => {
    test.each([TCP, NESTWIRE])('$name', async (transport) => {
      await tests[transport.name]()
    })
  })
}

export interface Stage<App> {
  readonly app: App
  readonly port: number
  /** Not connected yet. */
  readonly client: ClientProxy
}

export interface MicroserviceStage extends ModuleMetadata {
  /** 0, a free one, if not given. */
  readonly port?: number
  /** Before anything listens: global guards, hooks and the like. */
  readonly configure?: (app: INestMicroservice) => void
}

export async function startMicroservice(
  transport: Transported,
  { port = 0, configure, ...module }: MicroserviceStage,
): Promise<Stage<INestMicroservice>> {
  const testing = await Test.createTestingModule(module).compile()
  const app = testing.createNestMicroservice<MicroserviceOptions>({ ...transport.serverAt(port), logger: false })
  onTestFinished(() => app.close())
  configure?.(app)
  await app.listen()
  return { app, ...meet(transport, app) }
}

export interface HybridStage extends ModuleMetadata {
  readonly connect?: NestHybridApplicationOptions
  readonly configure?: (app: INestApplication) => void
  /** Only with `deferInitialization`; else its handlers are bound already. */
  readonly configureMicroservice?: (microservice: INestMicroservice) => void
}

/** HTTP beside the transport, started in the order in which no message comes too early. */
export async function startHybrid(
  transport: Transported,
  { connect, configure, configureMicroservice, ...module }: HybridStage,
): Promise<Stage<INestApplication>> {
  const testing = await Test.createTestingModule(module).compile()
  const app = testing.createNestApplication({ logger: false })
  onTestFinished(() => app.close())
  configure?.(app)
  const microservice = app.connectMicroservice<MicroserviceOptions>(transport.serverAt(0), connect)
  configureMicroservice?.(microservice)
  await app.init()
  await app.startAllMicroservices()
  await app.listen(0, '127.0.0.1')
  return { app, ...meet(transport, microservice) }
}

export function clientOf(transport: Transported, port: number): ClientProxy {
  const client = transport.clientAt(port)
  onTestFinished(async () => {
    await client.close()
  })
  return client
}

/** What listens, for tests that look at sockets. */
export const listenerOf = (app: INestMicroservice): Server =>
  (app.getTransportServer() as ServerTCP | NestwireServer).unwrap<Server>()

function meet(transport: Transported, app: INestMicroservice): Omit<Stage<never>, 'app'> {
  const { port } = listenerOf(app).address() as AddressInfo
  return { port, client: clientOf(transport, port) }
}

/** Everything a caller sees of a call: its values, then how it ended. */
export interface Outcome {
  readonly values: readonly unknown[]
  readonly error?: unknown
}

export function outcomeOf(client: ClientProxy, pattern: unknown, data: unknown = 0): Promise<Outcome> {
  const values: unknown[] = []
  return new Promise((resolve) => {
    client.send<unknown>(pattern, data).subscribe({
      next: (value) => values.push(value),
      error: (error: unknown) => resolve({ values, error }),
      complete: () => resolve({ values }),
    })
  })
}
