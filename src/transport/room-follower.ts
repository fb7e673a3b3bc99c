/**
 * Rooms as Observables for Nest services. Beside the client's connection for calls it holds one `ChatClient`, opened by
 * the first `follow`: that one comes back by itself and goes on where each room was.
 */
import { Observable, type Subscriber } from 'rxjs'
import { connect, type ChatClient, type ChatClientOptions } from '../client/chat-client.js'
import { ClientError } from '../client/errors.js'
import type { RoomItem } from '../client/room-items.js'

export class RoomFollower {
  /** Whose turn each room is. */
  private readonly readers = new Map<string, Subscriber<RoomItem>>()
  private client: Promise<ChatClient> | undefined
  private closing = new AbortController()

  constructor(private readonly options: ChatClientOptions) {}

  /** Cold: joins when subscribed to, leaves the loop (not the room) when unsubscribed from. */
  follow(room: string): Observable<RoomItem> {
    return new Observable((reader) => void this.read(room, reader))
  }

  /** Ends every loop. A later `follow` connects anew. */
  async close(): Promise<void> {
    const { client, closing } = this
    this.client = undefined
    this.closing = new AbortController()
    closing.abort()
    await client?.then(
      (connected) => connected.close(),
      () => undefined, // whoever follows heard of it
    )
  }

  private async read(name: string, reader: Subscriber<RoomItem>): Promise<void> {
    if (this.readers.get(name)?.closed === false) {
      return reader.error(
        new ClientError('ALREADY_FOLLOWED', `this client follows ${name} already; share that Observable`),
      )
    }
    this.readers.set(name, reader)
    try {
      const client = await this.connected()
      if (reader.closed) return this.release(name, reader)
      const leaving = new AbortController()
      reader.add(() => leaving.abort())
      const room = await client.join(name, { signal: leaving.signal })
      const loop = room[Symbol.asyncIterator]()
      reader.add(() => void loop.return?.())
      for await (const item of room) reader.next(item)
      this.release(name, reader)
      reader.complete()
    } catch (error) {
      this.release(name, reader)
      reader.error(error)
    }
  }

  /** Before the reader hears of the end: it may follow again at once. */
  private release(name: string, reader: Subscriber<RoomItem>): void {
    if (this.readers.get(name) === reader) this.readers.delete(name)
  }

  private connected(): Promise<ChatClient> {
    if (this.client !== undefined) return this.client
    const client = connect({ ...this.options, signal: this.closing.signal })
    const forget = (): void => {
      if (this.client === client) this.client = undefined
    }
    // Closed without our doing: it gave up, e.g. because the server says never. The next follower tries anew.
    void client.then((chat) => chat.onStatus((status) => status === 'closed' && forget()), forget)
    this.client = client
    return client
  }
}
