/** A Nest microservice on a free port with the given controllers, and nothing of chat. */
import type { AddressInfo } from 'node:net'
import type { INestMicroservice, ModuleMetadata } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import type { MicroserviceOptions } from '@nestjs/microservices'
import { onTestFinished } from 'vitest'
import { NestwireServer, type NestwireServerOptions } from '../../src/transport/nestwire-server.js'
import { fixedLimits, type LimitsSource, type TransportLimits } from '../../src/transport/transport-limits.js'
import { ManualClock } from './manual-clock.js'
import { RawClient } from './raw-client.js'

export interface TransportHarness {
  readonly app: INestMicroservice
  readonly server: NestwireServer
  readonly port: number
  readonly clock: ManualClock
  /** As a reload does. */
  readonly changeLimits: (limits: Partial<TransportLimits>) => void
  /** A client past HELLO. */
  readonly greeted: () => Promise<RawClient>
  /** A client that has said nothing yet. */
  readonly connect: () => Promise<RawClient>
}

export interface TransportHarnessOptions extends Omit<NestwireServerOptions, 'limits' | 'clock' | 'port'> {
  readonly limits?: Partial<TransportLimits>
  readonly module: ModuleMetadata
  /** Before listening: global guards, filters and the like. */
  readonly configure?: (app: INestMicroservice) => void
}

class LiveLimits implements LimitsSource {
  private readonly listeners = new Set<(before: TransportLimits) => void>()
  constructor(public current: TransportLimits) {}

  readonly onChange = (listener: (before: TransportLimits) => void): (() => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  readonly change = (limits: Partial<TransportLimits>): void => {
    const before = this.current
    this.current = { ...before, ...limits }
    for (const listener of this.listeners) listener(before)
  }
}

export async function startTransport(options: TransportHarnessOptions): Promise<TransportHarness> {
  const { limits, module, configure, ...serverOptions } = options
  const clock = new ManualClock()
  const liveLimits = new LiveLimits(fixedLimits(limits).current)
  const server = new NestwireServer({ ...serverOptions, port: 0, clock, limits: liveLimits })
  const testing = await Test.createTestingModule(module).compile()
  const app = testing.createNestMicroservice<MicroserviceOptions>({ strategy: server, logger: false })
  configure?.(app)
  await app.listen()
  const { port } = server.unwrap().address() as AddressInfo
  onTestFinished(async () => {
    const closed = app.close()
    // Sockets that a test left behind are cut by their linger deadline.
    clock.advance(600_000)
    await closed
  })
  return {
    app,
    server,
    port,
    clock,
    changeLimits: liveLimits.change,
    greeted: () => RawClient.greeted(port),
    connect: () => RawClient.connect(port),
  }
}
