/**
 * All who listen to one room through one client: one join, one reading, at the pace of the slowest. The room is read as
 * long as somebody is here, if only for its presence or signals.
 */
import type { ChatClient } from '../client/chat-client.js'
import type { RoomItem } from '../client/room-items.js'
import type { RoomsEvents } from '../rooms/rooms.contract.js'

export interface RoomListener {
  /** The next item is taken when the promise has resolved. It never rejects. */
  item?(item: RoomItem): Promise<void> | undefined
  presence?(news: RoomsEvents['rooms.presence']): void
  signal?(signal: RoomsEvents['rooms.signal']): void
  /** Nothing more will come; `error` unless the room was left or the client closed. Not told to who has left by itself. */
  end(error: unknown): void
}

interface AudienceOptions {
  readonly room: string
  /** Where the first reading starts; `undefined` = with what comes after the join. */
  readonly after: number | undefined
  readonly client: () => ChatClient
  readonly uptimeMs: () => number
  /** Called once, before anybody hears of the end: whoever comes then needs another audience. */
  readonly onOver: () => void
}

export class RoomAudience {
  private readonly listeners = new Set<RoomListener>()
  /** Resolves when the room is joined; never, if it cannot be. */
  readonly joined: Promise<void>
  private setJoined: () => void = () => undefined
  private readonly leaving = new AbortController()
  private handedOverAtMs: number | undefined
  private isOver = false

  constructor(private readonly options: AudienceOptions) {
    this.joined = new Promise((resolve) => (this.setJoined = resolve))
  }

  /** How long the slowest listener has been at the present item; 0 = nobody is at work. */
  get lagMs(): number {
    return this.handedOverAtMs === undefined ? 0 : this.options.uptimeMs() - this.handedOverAtMs
  }

  /** Returns how to leave. */
  add(listener: RoomListener): () => void {
    this.listeners.add(listener)
    if (this.listeners.size === 1) void this.read()
    return () => {
      if (this.listeners.delete(listener) && this.listeners.size === 0) this.finish(undefined)
    }
  }

  hearPresence(news: RoomsEvents['rooms.presence']): void {
    for (const listener of this.listeners) listener.presence?.(news)
  }

  hearSignal(signal: RoomsEvents['rooms.signal']): void {
    for (const listener of this.listeners) listener.signal?.(signal)
  }

  private async read(): Promise<void> {
    try {
      const { room: name, after } = this.options
      const { signal } = this.leaving
      const room = await this.options.client().join(name, { signal, ...(after !== undefined && { after }) })
      const items = room[Symbol.asyncIterator]()
      if (signal.aborted) return void items.return?.()
      signal.addEventListener('abort', () => void items.return?.())
      this.setJoined()
      for await (const item of room) await this.handOver(item)
      this.finish(undefined)
    } catch (error) {
      this.finish(error)
    }
  }

  private async handOver(item: RoomItem): Promise<void> {
    const busy: Promise<void>[] = []
    for (const listener of this.listeners) {
      const work = listener.item?.(item)
      if (work !== undefined) busy.push(work)
    }
    if (busy.length === 0) return
    this.handedOverAtMs = this.options.uptimeMs()
    await Promise.all(busy)
    this.handedOverAtMs = undefined
  }

  /** Everybody is told of the end. Idempotent. */
  finish(error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    this.options.onOver()
    this.leaving.abort()
    for (const listener of this.listeners) listener.end(error)
    this.listeners.clear()
  }
}
