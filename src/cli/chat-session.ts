/** A person in a room: what comes is printed, what is typed is sent or is a command. Ends by /quit, /leave, Ctrl-D, Ctrl-C. */
import type { ChatClient } from '../client/chat-client.js'
import type { ConnectionStatus } from '../client/connection-keeper.js'
import type { ServerEvent } from '../client/connection-options.js'
import { ClientError } from '../client/errors.js'
import { readNewest } from '../client/room-history.js'
import { toItem, type RoomItem } from '../client/room-items.js'
import type { Room } from '../client/room.js'
import { ChatScreen } from './chat-screen.js'
import type { CommandContext } from './command.js'
import { ExitCode } from './exit-codes.js'
import { paintFor, type Color, type Paint } from './paint.js'
import { printable } from './printable.js'
import { humanLine, removalNote } from './room-lines.js'
import { readMembers, readRoomCounts, toRoomCounts, type RoomCounts } from './room-queries.js'

const HELP = [
  'Type and press Enter to send.',
  '/who    who is in the room',
  '/leave  leave the room and end',
  '/quit   end and stay a member (also Ctrl-D)',
]
const RECENT_MESSAGES = 20

export class ChatSession {
  private readonly screen: ChatScreen
  private readonly paint: Paint
  private readonly self: string | undefined
  /** Messages and commands that are not answered yet. */
  private readonly underWay = new Set<Promise<void>>()
  private lastShownSeq = 0
  private quit: (exitCode: ExitCode) => void = () => undefined

  constructor(
    private readonly client: ChatClient,
    private readonly room: Room,
    { io }: CommandContext,
  ) {
    this.screen = new ChatScreen(io)
    this.paint = paintFor(io)
    this.self = client.session?.user
  }

  /** Rejects with the error that ended the room. */
  async run(): Promise<ExitCode> {
    const stopEvents = this.client.onEvent((event) => this.onEvent(event))
    const stopStatus = this.client.onStatus((status) => this.onStatus(status))
    try {
      await this.greet()
      const quit = new Promise<ExitCode>((resolve) => (this.quit = resolve))
      this.screen.open({
        onLine: (line) => this.onLine(line.trim()),
        onEnd: () => void this.finish(),
        onInterrupt: () => this.quit(ExitCode.Interrupted),
      })
      return await Promise.race([quit, this.showItems()])
    } finally {
      stopEvents()
      stopStatus()
      this.screen.close()
    }
  }

  private async greet(): Promise<void> {
    const [counts, recent] = await Promise.all([
      readRoomCounts(this.client, this.room.name),
      readNewest(this.client, this.room.name, RECENT_MESSAGES),
    ])
    for (const record of recent.records) this.show(toItem(record))
    this.note(`you are ${this.self ?? 'nobody'} in ${this.room.name}; /help tells more`)
    if (counts !== undefined) this.showCounts(counts)
  }

  private async showItems(): Promise<ExitCode> {
    for await (const item of this.room) this.show(item)
    const removal = removalNote(this.room.endReason)
    if (removal === undefined) return ExitCode.Ok
    this.note(removal, 'red')
    return ExitCode.NotAllowed
  }

  /** What the history showed comes again if it was written after the join. */
  private show(item: RoomItem): void {
    if (item.kind !== 'gap' && item.seq <= this.lastShownSeq) return
    this.lastShownSeq = item.kind === 'gap' ? item.to : item.seq
    this.screen.print(humanLine(item, { paint: this.paint, self: this.self }))
  }

  private note(text: string, color: Color = 'dim'): void {
    this.screen.print(this.paint(color, `      ${printable(text)}`))
  }

  private showCounts({ online }: RoomCounts): void {
    this.screen.setPrompt(`${printable(this.room.name)} (${online} online) > `)
  }

  private onEvent({ pattern, data }: ServerEvent): void {
    const counts = pattern === 'rooms.presence' ? toRoomCounts(data, this.room.name) : undefined
    if (counts !== undefined) this.showCounts(counts)
  }

  private onStatus(status: ConnectionStatus): void {
    if (status === 'reconnecting') this.note('the connection is lost, trying again', 'red')
    if (status === 'connected') this.note('connected again')
  }

  private onLine(line: string): void {
    if (line === '') return
    const task = this.obey(line).catch((error: unknown) => {
      this.note(`not done: ${error instanceof Error ? error.message : String(error)}`, 'red')
    })
    this.underWay.add(task)
    void task.finally(() => this.underWay.delete(task))
  }

  private async obey(line: string): Promise<void> {
    switch (line) {
      case '/help':
        for (const text of HELP) this.note(text)
        return
      case '/who':
        return this.showMembers()
      case '/leave':
        return this.room.leave()
      case '/quit':
        return this.quit(ExitCode.Ok)
      default:
        // A message may begin with a slash if it is doubled; a mistyped command must not become one.
        if (/^\/(?!\/)/.test(line)) return this.note(`there is no command ${line}; /help lists them`, 'red')
        return this.say(line.replace(/^\/\//, '/'))
    }
  }

  private async say(text: string): Promise<void> {
    if (this.client.status !== 'connected') this.note('no connection: this is sent when there is one again')
    try {
      await this.room.publish(text)
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'OUTCOME_UNKNOWN') throw error
      this.note(`perhaps sent, perhaps not: ${text}`, 'red')
    }
  }

  private async showMembers(): Promise<void> {
    const members = await readMembers(this.client, this.room.name)
    const names = members
      .toSorted((a, b) => Number(b.online) - Number(a.online))
      .map(({ user, online }) => {
        return online ? user : `${user} (away)`
      })
    this.note(names.join(', '))
  }

  /** The end of the input: what was typed before it is still sent. */
  private async finish(): Promise<void> {
    await Promise.all(this.underWay)
    this.quit(ExitCode.Ok)
  }
}
