/**
 * What applications use: a connection that comes back by itself, and rooms that go on where they were. After a reconnect
 * each room is joined again and what was missed is read from the history: every record once, in order, or a gap item.
 *
 * A room's loop that falls behind stops the reading of the whole client until it catches up: nothing is lost, but one slow
 * loop slows all rooms of its client. Give a slow consumer a client of its own.
 */
import { systemClock } from '../clock.js'
import { parseSeq } from '../protocol/ids.js'
import type { AuthOk } from '../protocol/packets.js'
import type { ClientConnection } from './client-connection.js'
import { ConnectionKeeper, type ConnectionStatus } from './connection-keeper.js'
import type { CallOptions, ConnectionOptions, ServerEvent } from './connection-options.js'
import { ClientError, NestwireError } from './errors.js'
import { DEFAULT_QUEUE_LIMITS, type QueueLimits } from './item-queue.js'
import { RoomFeed, type EndReason } from './room-feed.js'
import { Room } from './room.js'

export interface ChatClientOptions extends Omit<ConnectionOptions, 'handlers'> {
  /** What each room may hold unread; default 1,000 items, 1 MiB of message bodies. */
  readonly roomBuffer?: QueueLimits
  /** 0 up to 1, for the jitter; default Math.random. */
  readonly random?: () => number
}

export interface JoinOptions {
  /** Starts after this seq with what the history has; default: with what comes after the join. */
  readonly after?: number
}

/** Rejects if the first connection fails; from then on the client reconnects by itself. */
export async function connect(options: ChatClientOptions = {}): Promise<ChatClient> {
  const client = new ChatClient(options)
  await client.start()
  return client
}

interface JoinedRoom {
  readonly feed: RoomFeed
  readonly room: Room
  /** Settles with the first JOINED. */
  readonly ready: Promise<Room>
}

export class ChatClient {
  private readonly keeper: ConnectionKeeper
  private readonly rooms = new Map<string, JoinedRoom>()
  private readonly statusListeners = new Set<(status: ConnectionStatus) => void>()
  private readonly eventListeners = new Set<(event: ServerEvent) => void>()
  private failure: NestwireError | undefined

  constructor(private readonly options: ChatClientOptions) {
    const keeperOptions = { ...options, clock: options.clock ?? systemClock, random: options.random ?? Math.random }
    this.keeper = new ConnectionKeeper(keeperOptions, {
      handlers: {
        onDeliver: (deliver) => this.rooms.get(deliver.room)?.feed.accept(deliver),
        onGap: (gap) => this.rooms.get(gap.room)?.feed.gap(gap),
        onEvent: (event) => this.onServerEvent(event),
      },
      onConnected: (connection) => this.rejoin(connection),
      onLost: () => this.onLost(),
      onClosed: (error) => this.onClosed(error),
      onStatus: (status) => {
        for (const listener of this.statusListeners) listener(status)
      },
    })
  }

  start(): Promise<void> {
    return this.keeper.start()
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

  /** Joins, or gives the room that was joined before. Items from here on are held for the room's loop. */
  async join(name: string, { after }: JoinOptions = {}): Promise<Room> {
    const known = this.rooms.get(name)
    if (known !== undefined) return known.ready
    const { connection } = this.keeper
    const feed = new RoomFeed(name, this.options.roomBuffer ?? DEFAULT_QUEUE_LIMITS, {
      startAfter: toSeq(after),
      onEnded: () => this.rooms.delete(name),
    })
    const room = new Room(name, this.keeper, feed)
    const ready = this.joinOn(connection, feed).then(() => room)
    this.rooms.set(name, { feed, room, ready })
    try {
      return await ready
    } catch (error) {
      feed.end('closed')
      throw error
    }
  }

  /** The reply's value. NOT_CONNECTED while there is no connection. */
  async request(pattern: string, data?: unknown, options?: CallOptions): Promise<unknown> {
    return this.keeper.connection.request(pattern, data, options)
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

  private async joinOn(connection: ClientConnection, feed: RoomFeed): Promise<void> {
    await connection.join(feed.room, (joined) => feed.joined(connection, joined))
  }

  private rejoin(connection: ClientConnection): void {
    for (const { feed } of this.rooms.values()) {
      this.joinOn(connection, feed).catch((error: unknown) => {
        // Lost again: the next connection joins. A refusal is the end of this room only.
        if (connection.closedBy === undefined && error instanceof Error) feed.end('closed', error)
      })
    }
  }

  private onLost(): void {
    for (const { feed } of this.rooms.values()) feed.detach()
  }

  private onClosed(error: NestwireError | undefined): void {
    this.failure = error
    for (const { feed } of this.rooms.values()) feed.end('closed', error)
  }

  private onServerEvent(event: ServerEvent): void {
    if (event.pattern === 'rooms.left') this.onLeft(event.data)
    for (const listener of this.eventListeners) listener(event)
  }

  private onLeft(data: unknown): void {
    if (typeof data !== 'object' || data === null || !('room' in data) || !('reason' in data)) return
    if (typeof data.room === 'string') this.rooms.get(data.room)?.feed.end(toEndReason(data.reason))
  }
}

const toEndReason = (reason: unknown): EndReason => (reason === 'kicked' || reason === 'banned' ? reason : 'left')

function toSeq(after: number | undefined) {
  if (after === undefined) return undefined
  const seq = parseSeq(after)
  if (seq === undefined) throw new ClientError('BAD_FIELD', 'after is a seq: a whole number from 0')
  return seq
}
