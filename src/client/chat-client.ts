/**
 * What applications use: a connection that comes back by itself, and rooms that go on where they were. After an
 * interruption the session is resumed, or a new one joins the rooms again: every record once, in order, or a gap item;
 * every message that was sent is in the log once, or its sender is told of the doubt.
 *
 * A room's loop that falls behind stops the reading of the whole client until it catches up: nothing is lost, but one slow
 * loop slows all rooms of its client. Give a slow consumer a client of its own.
 */
import { systemClock, type Clock } from '../clock.js'
import { parseSeq } from '../protocol/ids.js'
import type { AuthOk, RoomPosition } from '../protocol/packets.js'
import type { ClientConnection } from './client-connection.js'
import { ConnectionKeeper, type ConnectionStatus } from './connection-keeper.js'
import type { CallOptions, ConnectionOptions, PublishOptions, ServerEvent } from './connection-options.js'
import { ClientError, ConnectionClosedError, isDraining, NestwireError } from './errors.js'
import { DEFAULT_QUEUE_LIMITS, type QueueLimits } from './item-queue.js'
import { toRoomId } from './outgoing-fields.js'
import type { Published } from './pending-send.js'
import { DEFAULT_MAX_WAITING_CALLS } from './pool-options.js'
import { RoomEntry } from './room-entry.js'
import { RoomFeed, type EndReason } from './room-feed.js'
import { RoomReturn } from './room-return.js'
import { RoomSignals } from './room-signals.js'
import { Room } from './room.js'
import { DEFAULT_SEND_LIMITS, SendLine } from './send-line.js'
import type { ServerChoice } from './server-list.js'
import { askSteadily, type SteadyOptions } from './steady-request.js'

export interface ChatClientOptions extends Omit<ConnectionOptions, 'handlers' | 'resume' | 'signal'>, ServerChoice {
  /** What each room may hold unread; default 1,000 items, 1 MiB of message bodies. */
  readonly roomBuffer?: QueueLimits
  /** What may have been published and has no answer yet; default 10,000 messages, 8 MiB of their bodies. */
  readonly sendBuffer?: QueueLimits
  /**
   * How many calls that wait may wait for a connection at once, and how many for the join of one room; one more fails with
   * POOL_EXHAUSTED. Default 65,536. Messages that wait have `sendBuffer`.
   */
  readonly maxWaitingCalls?: number
  /** Aborting it closes the client, also while it connects. */
  readonly signal?: AbortSignal
  /** 0 up to 1, for the jitter and the choice of a server; default Math.random. */
  readonly random?: () => number
}

export interface JoinOptions {
  /** Starts after this seq with what the history has; default: with what comes after the join. That of the first join counts. */
  readonly after?: number
  /** How long to wait, for a connection too; then DEADLINE_EXCEEDED. Default: as long as it takes. */
  readonly deadlineMs?: number
  /** Aborting it ends the wait, with CLOSED. */
  readonly signal?: AbortSignal
}

/** Rejects if the first connection fails, to each of `servers` if there are some; from then on the client reconnects by itself. */
export async function connect(options: ChatClientOptions = {}): Promise<ChatClient> {
  const client = new ChatClient(options)
  await client.start()
  return client
}

export interface Ping {
  readonly roundTripMs: number
  /** The server takes nothing new: this client goes elsewhere, or waits until it is back. */
  readonly isDraining: boolean
}

export class ChatClient {
  private readonly clock: Clock
  private readonly random: () => number
  private readonly maxWaitingCalls: number
  private readonly keeper: ConnectionKeeper
  private readonly sends: SendLine
  private readonly returns: RoomReturn
  private readonly rooms = new Map<string, RoomEntry>()
  private readonly statusListeners = new Set<(status: ConnectionStatus) => void>()
  private readonly eventListeners = new Set<(event: ServerEvent) => void>()
  private failure: NestwireError | undefined
  private readonly abort = (): void => void this.close()

  constructor(private readonly options: ChatClientOptions) {
    const { clock = systemClock, random = Math.random, sendBuffer: limits = DEFAULT_SEND_LIMITS } = options
    const { maxWaitingCalls = DEFAULT_MAX_WAITING_CALLS } = options
    this.clock = clock
    this.random = random
    this.maxWaitingCalls = maxWaitingCalls
    this.sends = new SendLine({ clock, random, limits, whyNone: () => this.keeper.lastFailure })
    this.returns = new RoomReturn({ clock, random })
    this.keeper = new ConnectionKeeper(
      { ...options, clock, random, maxWaitingCalls },
      {
        handlers: {
          onDeliver: (deliver) => this.rooms.get(deliver.room)?.feed.accept(deliver),
          onGap: (gap) => this.rooms.get(gap.room)?.feed.gap(gap),
          onEvent: (event) => this.onServerEvent(event),
        },
        positions: () => this.positions(),
        onConnected: (connection) => this.onConnected(connection),
        onGoAway: () => this.sends.detach(),
        onLost: () => this.onLost(),
        onClosed: (error) => this.onClosed(error),
        onStatus: (status) => {
          if (status === 'closed') options.signal?.removeEventListener('abort', this.abort)
          for (const listener of this.statusListeners) listener(status)
        },
      },
    )
  }

  start(): Promise<void> {
    const { signal } = this.options
    signal?.addEventListener('abort', this.abort)
    if (signal?.aborted === true) this.abort()
    return this.keeper.start()
  }

  /** As `start`, but a first connection that fails is tried again like one that was lost; what is asked waits meanwhile. */
  startPatiently(): void {
    this.options.signal?.addEventListener('abort', this.abort)
    this.keeper.startPatiently()
  }

  get status(): ConnectionStatus {
    return this.keeper.status
  }
  /** Why the client gave up; `undefined` unless it did. */
  get error(): NestwireError | undefined {
    return this.failure
  }
  /** Who the server says this is; `undefined` where it asks for no authentication. Throws NOT_CONNECTED. */
  get session(): AuthOk | undefined {
    return this.keeper.connection.session
  }

  /**
   * Joins, or gives the room that was joined before, whatever `after` says then; without a connection it waits for one.
   * Items from here on are held for the room's loop.
   */
  async join(name: string, { after, deadlineMs, signal }: JoinOptions = {}): Promise<Room> {
    const entry = this.rooms.get(name) ?? this.newEntry(name, after)
    return await entry.joined({ deadlineMs, signal })
  }

  /** The reply's value. NOT_CONNECTED while there is no connection. */
  async request(pattern: string, data?: unknown, options?: CallOptions): Promise<unknown> {
    return this.keeper.connection.request(pattern, data, options)
  }

  /**
   * As `request`, but it waits for a connection, goes to the next one if its server drains, and, if it is repeatable, also
   * when the connection was lost before the answer. DEADLINE_EXCEEDED when `deadlineMs` is over.
   */
  ask(pattern: string, data: unknown, options: SteadyOptions): Promise<unknown> {
    return askSteadily(this.keeper, this.clock, { pattern, data, ...options })
  }

  /** As `Room.publish`, for who may write where they are not members: services and admins. */
  async publish(room: string, body: string | Uint8Array, options: PublishOptions = {}): Promise<Published> {
    return this.sends.publish(toRoomId(room), body, options)
  }

  /** Resolves when the server has answered a PING, behind what it does at the moment. Waits for a connection, too. */
  async ping(deadlineMs: number): Promise<Ping> {
    const startedAtMs = this.clock.uptimeMs()
    const { isDraining: isGoing } = this.keeper
    const connection = isGoing ? this.keeper.connection : await this.keeper.ready({ deadlineMs })
    const askedAtMs = this.clock.uptimeMs()
    await connection.ping(Math.max(1, deadlineMs - (askedAtMs - startedAtMs)))
    return { roundTripMs: this.clock.uptimeMs() - askedAtMs, isDraining: this.keeper.isDraining }
  }

  /** Asked anew by each loop; leaving the loop cancels it. It does not survive a reconnect. */
  stream(pattern: string, data?: unknown, options?: CallOptions): AsyncIterable<unknown> {
    return {
      [Symbol.asyncIterator]: () => this.keeper.connection.stream(pattern, data, options)[Symbol.asyncIterator](),
    }
  }

  /** Resolves when the event is handed to the system. */
  async emit(pattern: string, data?: unknown, options?: Omit<CallOptions, 'deadlineMs'>): Promise<void> {
    await this.keeper.connection.emit(pattern, data, options)
  }

  /** Called at each change, until the returned function is called. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.statusListeners.add(listener)
    return () => void this.statusListeners.delete(listener)
  }

  /** Events of the server, e.g. `rooms.presence`, until the returned function is called. */
  onEvent(listener: (event: ServerEvent) => void): () => void {
    this.eventListeners.add(listener)
    return () => void this.eventListeners.delete(listener)
  }

  /** Sends what waits, ends the connection and every loop. Idempotent. */
  close(): Promise<void> {
    return this.keeper.close()
  }

  private newEntry(name: string, after: number | undefined): RoomEntry {
    const { clock, random, keeper, sends, maxWaitingCalls } = this
    const ending = new AbortController()
    const feed = new RoomFeed(toRoomId(name), {
      queueLimits: this.options.roomBuffer ?? DEFAULT_QUEUE_LIMITS,
      startAfter: toSeq(after),
      clock,
      random,
      onEnded: () => {
        this.rooms.delete(name)
        ending.abort()
      },
    })
    const signals = new RoomSignals()
    const room = new Room({ keeper, sends, feed, signals })
    const ready = this.enter(feed, ending.signal)
    const entry = new RoomEntry({ feed, room, signals, ready, clock, maxWaitingCalls })
    this.rooms.set(name, entry)
    return entry
  }

  /** The first JOIN, over as many connections as it takes: it does nothing twice. */
  private async enter(feed: RoomFeed, signal: AbortSignal): Promise<void> {
    for (;;) {
      const connection = await this.keeper.ready({ signal })
      // Whoever asked has stopped waiting.
      if (feed.endReason !== undefined) return
      try {
        await connection.join(feed.room, (joined) => {
          const entry = this.rooms.get(feed.room)
          if (entry?.feed === feed) entry.isIn = true
          feed.joined(connection, joined)
        })
        return
      } catch (error) {
        if (isDraining(error)) {
          this.keeper.avoid(connection)
        } else if (connection.closedBy === undefined) {
          feed.end('closed')
          throw error
        }
      }
    }
  }

  private positions(): RoomPosition[] {
    return [...this.rooms.values()].flatMap(({ feed, isIn }) => {
      const position = isIn ? feed.resumePosition : undefined
      return position === undefined ? [] : [position]
    })
  }

  private onConnected(connection: ClientConnection): void {
    const resumed = new Map(connection.resumedRooms?.map((room) => [room.room, room]))
    for (const { feed, isIn } of this.rooms.values()) {
      const room = resumed.get(feed.room)
      if (!isIn) continue
      if (room === undefined) void this.returns.bringBack(feed, connection)
      else feed.resumed(connection, room)
    }
    this.sends.attach(connection)
  }

  private onLost(): void {
    this.returns.cancel()
    this.sends.detach()
    for (const { feed } of this.rooms.values()) feed.detach()
  }

  private onClosed(error: NestwireError | undefined): void {
    this.failure = error
    this.returns.cancel()
    this.sends.close(error ?? new ConnectionClosedError('CLOSED', 'the client was closed'))
    for (const { feed } of this.rooms.values()) feed.end('closed', error)
  }

  private onServerEvent(event: ServerEvent): void {
    if (event.pattern === 'rooms.left') this.onLeft(event.data)
    if (event.pattern === 'rooms.signal') this.onSignal(event.data)
    for (const listener of this.eventListeners) listener(event)
  }

  private onLeft(data: unknown): void {
    if (!isOfRoom(data) || !('reason' in data)) return
    this.rooms.get(data.room)?.feed.end(toEndReason(data.reason))
  }

  private onSignal(data: unknown): void {
    if (isOfRoom(data)) this.rooms.get(data.room)?.signals.hear(data)
  }
}

const isOfRoom = (data: unknown): data is { readonly room: string } =>
  typeof data === 'object' && data !== null && 'room' in data && typeof data.room === 'string'

const toEndReason = (reason: unknown): EndReason => (reason === 'kicked' || reason === 'banned' ? reason : 'left')

function toSeq(after: number | undefined) {
  if (after === undefined) return undefined
  const seq = parseSeq(after)
  if (seq === undefined) throw new ClientError('BAD_FIELD', 'after is a seq: a whole number from 0')
  return seq
}
