/** Real Nest applications on free ports and clients of theirs; everything is gone after its test. */
import type { AddressInfo } from 'node:net'
import type {
  INestApplication,
  INestMicroservice,
  LoggerService,
  ModuleMetadata,
  NestHybridApplicationOptions,
} from '@nestjs/common'
import type { MicroserviceOptions } from '@nestjs/microservices'
import { Test } from '@nestjs/testing'
import { firstValueFrom, lastValueFrom, toArray, type Observable } from 'rxjs'
import { onTestFinished } from 'vitest'
import { NestwireClient, type NestwireClientOptions } from '../../src/transport/nestwire-client.js'
import { NestwireServer, type NestwireServerOptions } from '../../src/transport/nestwire-server.js'

export interface StartOptions<App> extends ModuleMetadata {
  readonly server?: NestwireServerOptions
  /** Before anything listens: global guards, hooks and the like. */
  readonly configure?: (app: App) => void
  readonly logger?: LoggerService
}

export interface Started<App> {
  readonly app: App
  readonly server: NestwireServer
  readonly port: number
  /** Not connected yet. */
  readonly client: NestwireClient
}

export const portOf = (server: NestwireServer): number => (server.unwrap().address() as AddressInfo).port

export function clientOf(port: number, options: NestwireClientOptions = {}): NestwireClient {
  const client = new NestwireClient({ port, ...options })
  onTestFinished(() => client.close())
  return client
}

export async function startMicroservice(options: StartOptions<INestMicroservice>): Promise<Started<INestMicroservice>> {
  const { server: serverOptions, configure, logger = false, ...module } = options
  const server = new NestwireServer({ port: 0, ...serverOptions })
  const testing = await Test.createTestingModule(module).compile()
  const app = testing.createNestMicroservice<MicroserviceOptions>({ strategy: server, logger })
  onTestFinished(() => app.close())
  configure?.(app)
  await app.listen()
  const port = portOf(server)
  return { app, server, port, client: clientOf(port) }
}

export interface HybridOptions extends StartOptions<INestApplication> {
  readonly connect?: NestHybridApplicationOptions
  /** Only with `deferInitialization`; else its handlers are bound already. */
  readonly configureMicroservice?: (microservice: INestMicroservice) => void
}

/** HTTP and Nestwire in one application, started in the order in which no message comes too early. */
export async function startHybrid(options: HybridOptions): Promise<Started<INestApplication>> {
  const { server: serverOptions, configure, configureMicroservice, connect, logger = false, ...module } = options
  const server = new NestwireServer({ port: 0, ...serverOptions })
  const testing = await Test.createTestingModule(module).compile()
  const app = testing.createNestApplication({ logger })
  onTestFinished(() => app.close())
  configure?.(app)
  const microservice = app.connectMicroservice<MicroserviceOptions>({ strategy: server }, connect)
  configureMicroservice?.(microservice)
  await app.init()
  await app.startAllMicroservices()
  await app.listen(0, '127.0.0.1')
  const port = portOf(server)
  return { app, server, port, client: clientOf(port) }
}

/** The last value; fails if there is none. */
export const ask = (client: NestwireClient, pattern: unknown, data: unknown = 0): Promise<unknown> =>
  lastValueFrom(client.send(pattern, data))

export const askForAll = (client: NestwireClient, pattern: unknown, data: unknown = 0): Promise<unknown[]> =>
  firstValueFrom(client.send(pattern, data).pipe(toArray()))

/** What `work` fails with; a test that gets a value instead fails. */
export async function failureOf(work: Promise<unknown> | Observable<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await ('subscribe' in work ? lastValueFrom(work, { defaultValue: 'nothing' }) : work)
  } catch (error) {
    return error
  }
  throw new Error(`expected a failure, got ${JSON.stringify(value)}`)
}

/** Notes in the order of what happened. */
export class Journal {
  readonly notes: string[] = []
  note(text: string): void {
    this.notes.push(text)
  }
  /** All notes so far; begins anew. */
  take(): string[] {
    return this.notes.splice(0)
  }
}

/** Holds a handler until the test lets it go on. */
export class Gate {
  /** The handler has come to the gate. */
  readonly reached: Promise<void>
  private readonly opened: Promise<void>
  private reach: () => void = () => undefined
  open: () => void = () => undefined

  constructor() {
    this.reached = new Promise((resolve) => (this.reach = resolve))
    this.opened = new Promise((resolve) => (this.open = resolve))
  }
  pass(): Promise<void> {
    this.reach()
    return this.opened
  }
}
