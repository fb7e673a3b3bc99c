/**
 * The connections of one client: opened when calls ask for them, shared by calls, replaced when they are lost or their
 * server goes away, closed when there are more than the calls need. One is opened at a time. What a call is it does not know.
 */
import type { Clock } from '../clock.js'
import { FixedHistogram } from '../fixed-histogram.js'
import type { GoAway } from '../protocol/packets.js'
import { Alarm } from './alarm.js'
import type { ClientConnection } from './client-connection.js'
import { ConnectionLine, type Waiter } from './connection-line.js'
import type { ServerEvent } from './connection-options.js'
import { ConnectionClosedError, type NestwireError } from './errors.js'
import { leastLoaded } from './least-loaded.js'
import { MemberDiscovery } from './member-discovery.js'
import { PoolMember } from './pool-member.js'
import { PoolOpener, type Opened } from './pool-opener.js'
import { readPoolOptions, type PoolOptions } from './pool-options.js'

/** Who wants to use a connection, and must `release` it. */
export interface PoolVisitor extends Waiter {
  /** How much it weighs in the choice of a connection: `CALL_LOAD` or `STREAM_LOAD`. */
  readonly load: number
  /** Called by `visit` itself where a connection has room, else in its turn. */
  ready(member: PoolMember): void
}

export const CALL_LOAD = 1
/** Calls keep away from a connection that a stream uses, which may be stopped for its reader's sake, and streams from each other. */
export const STREAM_LOAD = 1_000_000

const NOTHING_TO_GIVE_UP = (): void => undefined

export interface PoolListener {
  onStatus(status: 'connected' | 'disconnected'): void
  onConnected(): void
  /** `undefined` if this side closed it. */
  onClosed(error: NestwireError | undefined): void
  onEvent(event: ServerEvent): void
}

/** As it is now; times since the start. */
export interface PoolFigures {
  /** That take calls. */
  readonly connections: number
  /** Whose servers go away: calls in flight end there. */
  readonly leaving: number
  /** 1 while one is being opened. */
  readonly connecting: number
  readonly inFlight: number
  /** For a connection, or for the next try. */
  readonly waiting: number
  /** How long each call waited for its connection, in seconds. */
  readonly acquireSeconds: FixedHistogram
}

export class ConnectionPool {
  private readonly settings: ReturnType<typeof readPoolOptions>
  private readonly clock: Clock
  private readonly opener: PoolOpener
  private readonly discovery: MemberDiscovery
  private readonly line: ConnectionLine<PoolVisitor>
  private readonly idle: Alarm
  private readonly acquireSeconds = new FixedHistogram()
  /** Those that take calls. */
  private members: readonly PoolMember[] = []
  private readonly leaving = new Set<PoolMember>()
  /** Resolves with why it came to nothing. Never rejects. */
  private opening: Promise<NestwireError | undefined> | undefined
  private failure: NestwireError | undefined
  private isServing = false

  /** Throws BAD_FIELD. */
  constructor(
    options: PoolOptions,
    private readonly listener: PoolListener,
  ) {
    this.settings = readPoolOptions(options)
    const { clock, random } = this.settings
    this.clock = clock
    this.opener = new PoolOpener({ options, clock, random, onEvent: (event) => listener.onEvent(event) })
    this.discovery = new MemberDiscovery({ clock, random, servers: this.opener.servers })
    this.line = new ConnectionLine({ ...this.settings, lastFailure: () => this.failure })
    this.idle = new Alarm(clock, () => this.shrink())
  }

  get figures(): PoolFigures {
    let inFlight = 0
    for (const member of [...this.members, ...this.leaving]) inFlight += member.inFlight
    return {
      connections: this.members.length,
      leaving: this.leaving.size,
      connecting: this.opening === undefined ? 0 : 1,
      inFlight,
      waiting: this.line.waiting,
      acquireSeconds: this.acquireSeconds,
    }
  }

  /** One that is connected, the first. */
  get anyConnection(): ClientConnection | undefined {
    const [first] = [...this.members, ...this.leaving]
    return first?.connection
  }

  /** Resolves when there is a connection for calls; rejects with why there is none. */
  async connect(): Promise<void> {
    if (this.members.length > 0) return
    const failure = this.refusal() ?? (await this.open())
    if (failure !== undefined) throw failure
  }

  /** Returns what gives up waiting; once `ready` was called it does nothing. */
  visit(visitor: PoolVisitor): () => void {
    const member = this.line.length === 0 ? leastLoaded(this.members) : undefined
    if (member !== undefined) {
      this.admit(visitor, member, 0)
      return NOTHING_TO_GIVE_UP
    }
    const refusal = this.refusal()
    if (refusal !== undefined) {
      visitor.fail(refusal)
      return NOTHING_TO_GIVE_UP
    }
    const giveUp = this.line.add(visitor)
    this.grow()
    this.awaitSpace()
    return giveUp
  }

  /** A visitor pauses, and counts as one that waits. Returns what ends that; `undefined`: too many wait already. */
  stepAside(): (() => void) | undefined {
    return this.line.stepAside()
  }

  /** The visitor is done with it. */
  release(member: PoolMember, { load }: Pick<PoolVisitor, 'load'>): void {
    member.load -= load
    member.inFlight -= 1
    if (member.inFlight === 0) this.rests(member)
    if (this.line.length > 0) this.serve()
  }

  /** Calls in flight fail with CLOSED, as do those that wait; a later one opens anew. */
  async close(): Promise<void> {
    this.opener.abort()
    await this.opening
    this.line.failAll(new ConnectionClosedError('CLOSED', 'the client was closed'))
    this.idle.clear()
    await Promise.all([...this.members, ...this.leaving].map(({ connection }) => connection.close()))
  }

  private admit(visitor: PoolVisitor, member: PoolMember, waitedMs: number): void {
    this.grow()
    member.load += visitor.load
    member.inFlight += 1
    this.acquireSeconds.observe(waitedMs / 1000)
    visitor.ready(member)
  }

  /** Not within itself: each of many events that wait releases its connection before the next one is served. */
  private serve(): void {
    if (this.isServing) return
    this.isServing = true
    try {
      for (let member = leastLoaded(this.members); member !== undefined; member = leastLoaded(this.members)) {
        const next = this.line.shift()
        if (next === undefined) break
        this.admit(next.waiter, member, next.waitedMs)
      }
    } finally {
      this.isServing = false
    }
    this.awaitSpace()
  }

  /** Calls end, and serve the line, without an end of what waits to be written. */
  private awaitSpace(): void {
    if (this.line.length === 0) return
    for (const member of this.members) member.whenSpace(() => this.serve())
  }

  /** Another connection, if there are fewer than `min`, or all are in use or full and there may be more. */
  private grow(): void {
    const { min, max } = this.settings
    const count = this.members.length
    if (count >= max || this.opening !== undefined) return
    if (count >= min && this.members.some((member) => member.inFlight === 0 && member.hasRoom)) return
    const { refusal } = this.opener
    if (refusal === undefined) void this.open()
    // With other connections those who wait have something to wait for.
    else if (count === 0) this.line.failAll(refusal)
  }

  private rests(member: PoolMember): void {
    if (this.members.length <= this.settings.min) return
    member.idleSinceMs = this.clock.uptimeMs()
    this.idle.setBy(member.idleSinceMs + this.settings.idleConnectionMs)
  }

  private shrink(): void {
    const { min, idleConnectionMs } = this.settings
    const nowMs = this.clock.uptimeMs()
    let nextAtMs = Infinity
    for (const member of this.members) {
      if (this.members.length <= min) return
      if (member.inFlight > 0) continue
      const dueAtMs = member.idleSinceMs + idleConnectionMs
      if (dueAtMs <= nowMs) void member.connection.close()
      else nextAtMs = Math.min(nextAtMs, dueAtMs)
    }
    this.idle.setBy(nextAtMs)
  }

  /** Only where there is no other connection: then a call has nothing to wait for. */
  private refusal(): NestwireError | undefined {
    return this.members.length > 0 ? undefined : this.opener.refusal
  }

  private open(): Promise<NestwireError | undefined> {
    this.opening ??= this.opener.open().then(
      (opened) => {
        this.opening = undefined
        this.adopt(opened)
        this.grow()
        return undefined
      },
      (failure: NestwireError) => {
        this.opening = undefined
        this.failed(failure)
        return failure
      },
    )
    return this.opening
  }

  private adopt({ connection, destination, goAway: goesAtOnce }: Opened): void {
    const member = new PoolMember(connection, destination, this.clock.uptimeMs())
    connection.handlers.onGoAway = (goAway) => this.goesAway(member, goAway)
    connection.handlers.onClosed = (error) => this.closed(member, error)
    this.members = [...this.members, member]
    this.failure = undefined
    this.discovery.watch(connection)
    this.listener.onStatus('connected')
    this.listener.onConnected()
    if (goesAtOnce !== undefined) this.goesAway(member, goesAtOnce)
    this.serve()
    if (member.inFlight === 0) this.rests(member)
  }

  private failed(failure: NestwireError): void {
    this.failure = failure
    if (this.members.length > 0) return
    this.listener.onStatus('disconnected')
    this.line.failAll(failure)
  }

  /** The next call opens another connection, if there is another server: this one would refuse it. */
  private goesAway(member: PoolMember, { target }: GoAway): void {
    member.isDraining = true
    if (member.isLeaving || !this.members.includes(member) || !this.opener.leave(member.destination, target)) return
    member.isLeaving = true
    this.members = this.members.filter((other) => other !== member)
    this.leaving.add(member)
    this.discovery.forget(member.connection)
  }

  private closed(member: PoolMember, error: NestwireError | undefined): void {
    const tookCalls = this.members.includes(member)
    this.members = this.members.filter((other) => other !== member)
    this.leaving.delete(member)
    this.discovery.forget(member.connection)
    if (tookCalls) this.opener.lost(member.destination, error)
    if (this.members.length === 0) this.listener.onStatus('disconnected')
    this.listener.onClosed(error)
    if (this.line.length > 0) this.grow()
  }
}
