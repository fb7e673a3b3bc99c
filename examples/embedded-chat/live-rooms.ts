import type { ServerResponse } from 'node:http'
import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common'
import { ChatService, type RoomItem } from 'nestwire'

/** A browser that leaves more than this unread is cut; it comes back by itself and goes on where it was. */
const MAX_UNREAD_BYTES = 256 * 1024

/** Rooms as streams of server-sent events. */
@Injectable()
export class LiveRooms implements BeforeApplicationShutdown {
  private readonly responses = new Set<ServerResponse>()

  constructor(private readonly chat: ChatService) {}

  /** `after`: the seq that the browser saw last; without it only what comes. */
  show(room: string, after: number | undefined, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    // Tells the browser that it is heard, before anybody speaks.
    response.write(':\n\n')
    const listening = this.chat.onMessage(room, { after }).subscribe({
      next: (item) => {
        if (item.kind === 'text' || item.kind === 'gap') response.write(eventOf(item))
        if (response.writableLength > MAX_UNREAD_BYTES) response.destroy()
      },
      error: () => response.destroy(),
      complete: () => response.end(),
    })
    this.responses.add(response)
    response.once('close', () => {
      this.responses.delete(response)
      listening.unsubscribe()
    })
  }

  /** Else HTTP would wait for them. */
  beforeApplicationShutdown(): void {
    for (const response of this.responses) response.end()
  }
}

function eventOf(item: Extract<RoomItem, { kind: 'text' | 'gap' }>): string {
  if (item.kind === 'gap') return `event: gap\nid: ${item.to}\ndata: ${JSON.stringify(item)}\n\n`
  const { seq, sender, timeMs, text } = item
  return `id: ${seq}\ndata: ${JSON.stringify({ seq, sender, timeMs, text })}\n\n`
}
