/**
 * The chat server for other services: typed calls, sends that are in the log once, rooms to listen to. One connection,
 * opened by the first call; it comes back by itself. A client that gave up (its token is refused) begins anew with the
 * next call.
 */
import { Observable } from 'rxjs'
import type { SendReply } from '../chat/chat.contract.js'
import { ChatClient, type Ping } from '../client/chat-client.js'
import type { PublishOptions, ServerEvent } from '../client/connection-options.js'
import { ConnectionClosedError } from '../client/errors.js'
import type { RoomItem } from '../client/room-items.js'
import { systemClock } from '../clock.js'
import { trustedSeq } from '../protocol/ids.js'
import { roomsEvents, type RoomsEvents } from '../rooms/rooms.contract.js'
import { ChatRooms } from './chat-rooms.js'
import { DEFAULT_CALL_TIMEOUT_MS, type ChatServiceOptions } from './chat-service-options.js'
import { ContractCalls } from './contract-calls.js'
import { ItemPull } from './item-pull.js'
import { LateListener, type ItemListener } from './late-listener.js'
import { endSubscriber, ItemWork } from './item-work.js'
import { RoomAudience, type RoomListener } from './room-audience.js'
import { readHistory, readRecords, type HistoryPage, type HistoryQuery } from './room-records.js'

export interface ListenOptions {
  /** Starts after this seq with what the history has; default: with what comes after the join. */
  readonly after?: number | undefined
}

export class ChatService {
  /** Making rooms and looking after them. */
  readonly rooms: ChatRooms
  private readonly calls: ContractCalls
  private readonly callTimeoutMs: number
  private readonly audiences = new Map<string, RoomAudience>()
  private readonly sends = new Set<Promise<unknown>>()
  private client: ChatClient | undefined
  private isClosed = false

  constructor(private readonly options: ChatServiceOptions = {}) {
    const { callTimeoutMs = DEFAULT_CALL_TIMEOUT_MS } = options
    this.callTimeoutMs = callTimeoutMs === 0 ? Infinity : callTimeoutMs
    this.calls = new ContractCalls(() => this.opened(), this.callTimeoutMs)
    this.rooms = new ChatRooms(this.calls)
  }

  /**
   * Resolves when the message is in the room's log, where it is once: it is sent again under its id after a lost connection
   * until the server has answered, and messages to one room keep the order of the calls. `deadlineMs`: `callTimeoutMs` by
   * default. Rejects as `Room.publish` of the client does.
   */
  async send(room: string, body: string | Uint8Array, options: PublishOptions = {}): Promise<SendReply> {
    const send = this.opened().publish(room, body, { deadlineMs: this.callTimeoutMs, ...options })
    this.sends.add(send)
    try {
      const { seq, timeMs } = await send
      return { seq: trustedSeq(seq), timeMs }
    } finally {
      this.sends.delete(send)
    }
  }

  /** One page of a room's records; the newest by default. */
  history(room: string, query: HistoryQuery = {}): Promise<HistoryPage> {
    return readHistory(this.calls, room, query)
  }

  /** All that the log has of a room from `after` (default: its beginning) to the newest record there is, page by page. */
  records(room: string, { after = 0 }: ListenOptions = {}): AsyncIterable<RoomItem> {
    return { [Symbol.asyncIterator]: () => readRecords(this.calls, room, after) }
  }

  /**
   * What happens in a room, for a `for await` loop: joins it, and takes the next item from it when the loop asks for it.
   * Over lost connections each record comes once and in order, or a gap item. Ends when the service leaves the room or is
   * removed from it, or the client is closed; throws a `NestwireError` if there is no way back.
   */
  messages(room: string, options: ListenOptions = {}): AsyncIterable<RoomItem> {
    return {
      [Symbol.asyncIterator]: () => {
        const pull = new ItemPull<RoomItem>(() => leave())
        const listener = { item: (item: RoomItem) => pull.take(item), end: (error: unknown) => pull.end(error) }
        const leave = this.listen(room, options, listener)
        return pull
      },
    }
  }

  /**
   * The same as an Observable, pushed as it comes: for what is done at once. An operator that waits keeps what comes
   * meanwhile without bound; give that work to this method instead.
   */
  onMessage(room: string, options?: ListenOptions): Observable<RoomItem>
  /** What `work` makes of each item, one after the other: the next one is taken from the room when `work` has resolved. */
  onMessage<Result>(
    room: string,
    work: (item: RoomItem) => Promise<Result> | Result,
    options?: ListenOptions,
  ): Observable<Result>
  onMessage(
    room: string,
    workOrOptions: ((item: RoomItem) => unknown) | ListenOptions = {},
    further: ListenOptions = {},
  ): Observable<unknown> {
    const [work, options] = typeof workOrOptions === 'function' ? [workOrOptions, further] : [undefined, workOrOptions]
    return new Observable((subscriber) => {
      const itemWork = new ItemWork(subscriber, work)
      const leave = this.listen(room, options, itemWork)
      return () => {
        leave()
        itemWork.release()
      }
    })
  }

  /** How many belong to a room and are connected, when that changes. Joins it. */
  onPresence(room: string): Observable<RoomsEvents['rooms.presence']> {
    return this.heard(room, (tell) => ({ presence: tell }))
  }

  /** What members tell each other in passing, e.g. who is typing. Joins the room. Bytes in `data` are views: copy to keep. */
  onSignal(room: string): Observable<RoomsEvents['rooms.signal']> {
    return this.heard(room, (tell) => ({ signal: tell }))
  }

  /** Asks the server, which answers behind what it does at the moment. Rejects with DEADLINE_EXCEEDED. */
  async ping(deadlineMs: number = this.callTimeoutMs): Promise<Ping> {
    return this.opened().ping(deadlineMs)
  }

  /** How long the slowest listener has been at one item; 0 = nobody is at work. */
  get lagMs(): number {
    return Math.max(0, ...[...this.audiences.values()].map((audience) => audience.lagMs))
  }

  /** Completes what listens, waits for the answers to what was sent, and closes. Calls from now on fail. Idempotent. */
  async close(): Promise<void> {
    this.isClosed = true
    for (const audience of this.audiences.values()) audience.finish(undefined)
    if (this.client?.status === 'connected') await Promise.allSettled(this.sends)
    await this.client?.close()
  }

  private opened(): ChatClient {
    if (this.isClosed) throw new ConnectionClosedError('CLOSED', 'this client was closed')
    if (this.client !== undefined && this.client.status !== 'closed') return this.client
    const client = new ChatClient(this.options)
    this.client = client
    client.onEvent((event) => this.hear(event))
    client.startPatiently()
    return client
  }

  private heard<News>(
    room: string,
    listenerOf: (tell: (news: News) => void) => Pick<RoomListener, 'presence' | 'signal'>,
  ): Observable<News> {
    return new Observable((subscriber) => {
      const listener = listenerOf((news) => subscriber.next(news))
      return this.audienceOf(room).add({ ...listener, end: (error) => endSubscriber(subscriber, error) })
    })
  }

  /** Returns how to leave. */
  private listen(room: string, { after }: ListenOptions, listener: ItemListener): () => void {
    const present = this.audiences.get(room)
    if (present === undefined) return this.newAudience(room, after).add(listener)
    if (after === undefined) return present.add(listener)
    const { clock = systemClock, random = Math.random } = this.options
    const recordsAfter = (seq: number) => readRecords(this.calls, room, seq, { deadlineMs: Infinity })
    const late = new LateListener(listener, { room, after, recordsAfter, clock, random })
    const leave = present.add(late)
    const fail = (error: unknown): void => {
      leave()
      late.end(error)
    }
    void present.joined.then(() => late.catchUp()).catch(fail)
    return () => {
      leave()
      late.leave()
    }
  }

  private audienceOf(room: string): RoomAudience {
    return this.audiences.get(room) ?? this.newAudience(room, undefined)
  }

  private newAudience(room: string, after: number | undefined): RoomAudience {
    const { clock = systemClock } = this.options
    const audience = new RoomAudience({
      room,
      after,
      client: () => this.opened(),
      uptimeMs: () => clock.uptimeMs(),
      onOver: () => {
        if (this.audiences.get(room) === audience) this.audiences.delete(room)
      },
    })
    this.audiences.set(room, audience)
    return audience
  }

  private hear({ pattern, data }: ServerEvent): void {
    if (pattern === 'rooms.presence') {
      const { data: news } = roomsEvents[pattern].safeParse(data)
      if (news !== undefined) this.audiences.get(news.room)?.hearPresence(news)
    } else if (pattern === 'rooms.signal') {
      const { data: signal } = roomsEvents[pattern].safeParse(data)
      if (signal !== undefined) this.audiences.get(signal.room)?.hearSignal(signal)
    }
  }
}
