import { expect, onTestFinished } from 'vitest'
import { AbuseCounters } from '../../src/abuse/abuse-counters.js'
import type { NatsSignals } from '../../src/cluster/nats-signals.js'
import { LoneRoomSignals } from '../../src/cluster/room-signals.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import type { DeliveryPriority } from '../../src/delivery/room-delivery.js'
import type { Appended, NewRecord, Placed, RoomHead, RoomLogEngine } from '../../src/log/room-log.js'
import { RoomOwnership } from '../../src/log/room-ownership.js'
import { LogFault } from '../../src/log/log-fault.js'
import { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import { MemoryStateStore } from '../../src/log/memory-state-store.js'
import { SoleWriter } from '../../src/log/sole-writer.js'
import type { StateKey, StateStore } from '../../src/log/state-store.js'
import type { RoomId } from '../../src/protocol/ids.js'
import { assembleRooms } from '../../src/rooms/assemble-rooms.js'
import { assembleSignals } from '../../src/rooms/assemble-signals.js'
import { RoomCatalogueService } from '../../src/rooms/room-catalogue.service.js'
import { RoomLimits } from '../../src/rooms/room-limits.js'
import { DefaultRoomPolicy } from '../../src/rooms/room-policy.js'
import { RoomRegistry } from '../../src/rooms/room-registry.js'
import { RoomsService } from '../../src/rooms/rooms.service.js'
import { SessionGenerations } from '../../src/sessions/session-generations.js'
import { SessionsService } from '../../src/sessions/sessions.service.js'
import type { Principal, Role } from '../../src/transport/authentication.js'
import { ManualEndOfTick } from '../delivery/manual-end-of-tick.js'
import { userId } from '../delivery/names.js'
import { RecordingConnection } from '../delivery/recording-connection.js'
import { ManualClock } from '../support/manual-clock.js'

/** A log that may be told to fail, as a full disk would. */
export class FallibleRoomLog extends MemoryRoomLog {
  isFailing = false
  override append(room: RoomId, record: NewRecord): Promise<Appended> {
    return this.isFailing ? Promise.reject(new Error('disk full')) : super.append(room, record)
  }
  override head(room: RoomId): Promise<RoomHead> {
    return this.isFailing ? Promise.reject(new Error('disk full')) : super.head(room)
  }
  override deleteRoom(room: RoomId): Promise<void> {
    return this.isFailing ? Promise.reject(LogFault.commitFailed(new Error('disk full'))) : super.deleteRoom(room)
  }
}

/** The same for what is stored beside the log; a write that is held is committed when it is let go. */
export class FallibleStateStore extends MemoryStateStore {
  isFailing = false
  private held: (() => void)[] | undefined

  hold(): void {
    this.held = []
  }

  /** What was held is committed, or fails. */
  letGo(): void {
    const held = this.held ?? []
    this.held = undefined
    for (const resume of held) resume()
  }

  override async put(key: StateKey, value: Buffer): Promise<void> {
    await this.committing()
    return super.put(key, value)
  }

  override async remove(key: StateKey): Promise<void> {
    await this.committing()
    return super.remove(key)
  }

  private async committing(): Promise<void> {
    if (this.held !== undefined) await new Promise<void>((resolve) => this.held?.push(resolve))
    if (this.isFailing) throw LogFault.commitFailed(new Error('disk full'))
  }
}

/** Remembers with which priority each append came. */
export class AttentiveRouter extends BackpressureRouter {
  readonly priorities: DeliveryPriority[] = []
  override append(room: RoomId, record: NewRecord, priority: DeliveryPriority = 'normal'): Promise<Placed> {
    this.priorities.push(priority)
    return super.append(room, record, priority)
  }
}

export interface Device {
  readonly principal: Principal
  readonly connection: RecordingConnection
}

interface Foundation {
  readonly settings: Settings
  readonly clock: ManualClock
  readonly log: RoomLogEngine
  readonly state: StateStore
  /** Of a node that is not alone. */
  readonly nodes?: NatsSignals
}

interface Bounds {
  readonly maxUnsettledKeys?: number
}

/** Sessions, rooms, presence, delivery and log as the modules wire them, with clocks that the test turns. */
export function startRooms(env: Record<string, string> = {}, bounds: Bounds = {}, over: Partial<Foundation> = {}) {
  const settings = new Settings(loadSettings(env))
  const { clock = new ManualClock() } = over
  const log = new FallibleRoomLog(settings, clock)
  const state = new FallibleStateStore()
  return { ...startRoomsOn({ settings, log, state, ...over, clock }, bounds), log, state }
}

/** The same on what an earlier process may have left; `load` makes it known. */
export function startRoomsOn({ settings, clock, log, state, nodes }: Foundation, bounds: Bounds = {}) {
  const tick = new ManualEndOfTick()
  const delivery = new AttentiveRouter({
    log,
    journal: new SoleWriter(log, clock),
    settings,
    clock,
    nowMs: () => performance.now(),
    nextTick: tick.schedule,
    after: tick.after,
    marked: () => 0,
    flushBehind: () => undefined,
  })
  const sessions = new SessionsService(new SessionGenerations(state, clock))
  const registry = new RoomRegistry(settings)
  const policy = new DefaultRoomPolicy(settings)
  const roomSignals = nodes ?? new LoneRoomSignals()
  const { presence, signals } = assembleSignals({ roomSignals, registry, policy, delivery, settings, clock })
  presence.start()
  onTestFinished(() => presence.close())
  const [sharing, ownership] = [{ kind: 'alone' } as const, new RoomOwnership()]
  const common = { registry, log, delivery, sessions, presence, settings, clock, ...bounds }
  const { store, memberships } = assembleRooms({ ...common, sharing, state, ownership })
  const shutDown = () => store.onApplicationShutdown()
  onTestFinished(shutDown)
  const counters = new AbuseCounters()
  const limits = new RoomLimits(counters, settings, clock)
  const rooms = new RoomsService(registry, memberships, policy, sessions, delivery, limits)
  const catalogue = new RoomCatalogueService(registry, policy, log, presence, settings)

  const connect = (name: string, options: { readonly role?: Role; readonly username?: string } = {}): Device => {
    const connection = new RecordingConnection()
    connection.onClose = () => sessions.connectionClosed(connection)
    const { role = 'user', username = name } = options
    const principal = { user: userId(name), username, role, expiresAtMs: Infinity }
    sessions.open(connection, principal)
    return { principal, connection }
  }
  const join = ({ principal, connection }: Device, room: RoomId) => rooms.join(principal, connection, room)
  const load = () => store.onModuleInit()
  const parts = { settings, clock, counters, tick, delivery, sessions, registry, policy, presence, signals }
  return { ...parts, rooms, catalogue, connect, join, load, shutDown }
}

/** The code that callers see of a refused promise. */
export const refusal = (code: string) => expect.objectContaining({ failure: expect.objectContaining({ code }) })
