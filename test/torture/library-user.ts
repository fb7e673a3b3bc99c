/**
 * Somebody who chats through the client library, as applications do, and writes down what the application is told. What
 * the library settles by itself (redirects, repeats, refusals that pass) is not in the journal, nor is the epoch.
 */
import { randomBytes } from 'node:crypto'
import {
  connect,
  NestwireError,
  ServerError,
  type ChatClient,
  type Room,
  type RoomItem,
} from '../../src/client/index.js'
import { MESSAGE_ID_BYTES } from '../../src/protocol/constants.js'
import { parseUserId, trustedSeq, type RoomId } from '../../src/protocol/ids.js'
import { LeaveReason, RecordKind, type RoomRecord } from '../../src/protocol/packets.js'
import { recordEvent, textBody, textContent } from './content.js'
import type { Journal, JournalEvent } from './journal.js'
import type { Participant } from './judged-crowd.js'

interface LibraryUserOptions {
  readonly user: string
  readonly ports: readonly [number, ...number[]]
  readonly token: string
  readonly rooms: readonly RoomId[]
  /** 0: only reads. */
  readonly messagesPerSecond: number
}

const SHOWN_EPOCH = 0
const BODY_PADDING_BYTES = 44
const leaveReasons = { left: LeaveReason.Left, kicked: LeaveReason.Kicked, banned: LeaveReason.Banned } as const

export class LibraryUser implements Participant {
  private journal: JournalEvent[] = []
  private readonly positions = new Map<RoomId, number>()
  private rooms: readonly Room[] = []
  private sentCount = 0
  private unanswered = 0
  private timer: NodeJS.Timeout | undefined

  private constructor(
    private readonly client: ChatClient,
    readonly user: string,
  ) {
    this.write({ kind: 'connected' })
    client.onStatus((status) => {
      if (status === 'connected') this.write({ kind: 'connected' })
      if (status === 'closed' && client.error !== undefined) this.misbehaved(client.error)
    })
  }

  /** Is in all rooms when it resolves, and sends from there on. */
  static async enter(options: LibraryUserOptions): Promise<LibraryUser> {
    const { user: name, ports, token, rooms, messagesPerSecond } = options
    const servers = ports.map((port) => `127.0.0.1:${port}`)
    const client = await connect({ servers, token })
    const user = new LibraryUser(client, name)
    user.rooms = await Promise.all(rooms.map((room) => client.join(room)))
    for (const room of user.rooms) void user.read(room)
    if (messagesPerSecond > 0) user.timer = setInterval(() => user.send(), 1_000 / messagesPerSecond)
    return user
  }

  get isAnswered(): boolean {
    return this.unanswered === 0
  }

  positionIn(room: RoomId): number | undefined {
    return this.positions.get(room)
  }

  takeJournal(): Journal {
    const { journal } = this
    this.journal = []
    return journal
  }

  rest(): void {
    clearInterval(this.timer)
  }

  stop(): void {
    this.rest()
    void this.client.close()
  }

  private send(): void {
    const room = this.rooms[this.sentCount % this.rooms.length]
    if (room === undefined) return
    this.sentCount += 1
    this.unanswered += 1
    const messageId = randomBytes(MESSAGE_ID_BYTES)
    const message = messageId.toString('hex')
    const body = textBody(messageId, this.sentCount, BODY_PADDING_BYTES)
    this.write({
      kind: 'sent',
      room: room.name,
      message,
      number: this.sentCount,
      content: textContent(this.user, body),
    })
    const settled = (event: JournalEvent): void => {
      this.unanswered -= 1
      this.write(event)
    }
    room.publish(body, { messageId }).then(
      ({ seq }) => settled({ kind: 'acked', message, seq, isRecognised: false }),
      (error: unknown) => settled(refusal(message, error)),
    )
  }

  private async read(room: Room): Promise<void> {
    for await (const item of room) this.take(room.name as RoomId, item)
  }

  private take(room: RoomId, item: RoomItem): void {
    if (item.kind === 'gap') return this.takeGap(room, item)
    this.write({ kind: 'delivered', ...recordEvent({ room, epoch: SHOWN_EPOCH }, recordOf(item)) })
    this.positions.set(room, item.seq)
  }

  private takeGap(room: RoomId, { from, to, reason }: GapItem): void {
    if (reason === 'unavailable') return this.misbehaved(`${from}–${to} of ${room} are not shown`)
    this.write({ kind: 'gap', room, epoch: SHOWN_EPOCH, from, to, reason, atMs: Date.now() })
    this.positions.set(room, to)
  }

  private misbehaved(details: unknown): void {
    this.write({ kind: 'misbehaved', details: String(details) })
  }

  private write(event: JournalEvent): void {
    this.journal.push(event)
  }
}

type GapItem = Extract<RoomItem, { kind: 'gap' }>
type RecordItem = Exclude<RoomItem, GapItem>

/** As it came over the wire. */
function recordOf(item: RecordItem): RoomRecord {
  const sender = parseUserId(item.sender)
  if (sender === undefined) throw new Error(`${item.sender} is no user's name`)
  const place = { seq: trustedSeq(item.seq), prev: trustedSeq(item.prev), timeMs: item.timeMs, sender }
  switch (item.kind) {
    case 'text':
      return { ...place, kind: RecordKind.Text, body: item.body }
    case 'join':
      return { ...place, kind: RecordKind.Join, body: Buffer.from(item.username) }
    case 'leave':
      return { ...place, kind: RecordKind.Leave, body: Buffer.of(leaveReasons[item.reason]) }
  }
}

/** The first of these codes is what a caller must be told if nobody can find out. */
const OPEN: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED', 'CLOSED'])

function refusal(message: string, error: unknown): JournalEvent {
  const code = error instanceof ServerError ? error.errorCode : 0
  const isOpen = error instanceof ServerError ? error.outcome === 'unknown' : isOpenCode(error)
  return { kind: isOpen ? 'doubted' : 'refused', message, code }
}

const isOpenCode = (error: unknown): boolean => !(error instanceof NestwireError) || OPEN.has(error.code)
