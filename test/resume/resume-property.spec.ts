/**
 * Clients that are cut off and come back at random, over real sockets, while others talk and the log forgets: whatever
 * happens, each record is shown once and in order, or a GAP says that it is not to be had.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RoomLog } from '../../src/log/room-log.js'
import { ROOM_LOG } from '../../src/log/room-log.token.js'
import { Feature } from '../../src/protocol/constants.js'
import { NO_SEQ } from '../../src/protocol/ids.js'
import { GapReason, ResumeOutcome, type Packet, type RoomPosition } from '../../src/protocol/packets.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { ChatUser, resume } from '../support/chat-user.js'
import { roomOf } from '../support/example-packets.js'
import { hello, type PacketOf } from '../support/raw-client.js'

const HISTORY = 20
const ROOMS = ['red', 'green', 'blue']
const READERS = 3

type Step =
  | { readonly kind: 'talk'; readonly room: number; readonly messages: number }
  | { readonly kind: 'cut' | 'comeBack' | 'comeBackUnread' | 'read'; readonly reader: number }

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('talk'), room: fc.nat(ROOMS.length - 1), messages: fc.integer({ min: 1, max: 15 }) }),
  fc.record({
    kind: fc.constantFrom('cut', 'comeBack', 'comeBack', 'comeBackUnread', 'read'),
    reader: fc.nat(READERS - 1),
  }),
)

/** What a client does of its own: it shows records, says what is missing, and keeps the newest ticket. */
class Reader {
  private user: ChatUser | undefined
  private ticket: Buffer = Buffer.alloc(0)
  private readonly positions = new Map<string, RoomPosition>()
  /** Seqs of what was shown, by room; a gap counts as what is in it. */
  readonly known = new Map<string, number[]>()
  /** Told and not judged yet. */
  private gaps: PacketOf<'gap'>[] = []
  private readonly log: RoomLog

  constructor(
    private readonly chat: Chat,
    private readonly name: string,
    private readonly features: number,
  ) {
    this.log = chat.app.get<RoomLog>(ROOM_LOG, { strict: false })
  }

  async login(rooms: readonly string[]): Promise<void> {
    this.user = await ChatUser.login(
      this.chat.port,
      await this.chat.tokenOf(this.name),
      hello({ features: this.features }),
    )
    this.ticket = this.user.ticket
    for (const room of rooms) {
      const { epoch, seq } = await this.user.join(room)
      this.positions.set(room, { room: roomOf(room), epoch, seq })
      this.known.set(room, [])
    }
  }

  async read(): Promise<void> {
    for (const packet of this.user?.inbox.splice(0) ?? []) this.take(packet)
    if ((this.features & Feature.Positions) !== 0) this.user?.confirm()
    // What is said to be gone must be: the log never gets a record back.
    for (const { room, to, reason } of this.gaps.splice(0)) {
      const [oldest] = await this.log.readAfter(room, NO_SEQ, { maxRecords: 1, maxBytes: 0 })
      expect(reason).toBe(GapReason.Trimmed)
      expect(oldest?.seq).toBeGreaterThan(to)
    }
  }

  async cut(): Promise<void> {
    await this.read()
    this.user?.reset()
    this.user = undefined
  }

  async comeBack(): Promise<void> {
    if (this.user !== undefined) return
    const user = await ChatUser.greetedForResume(this.chat.port, this.features)
    const before = await this.outcomes()
    const { ticket, rooms } = await user.resume(this.ticket, [...this.positions.values()])
    this.user = user
    this.ticket = ticket
    // The log may have got round to forgetting in between.
    const after = await this.outcomes()
    for (const { room, outcome } of rooms) expect([before.get(room), after.get(room)]).toContain(outcome)
    expect(rooms.map(({ room }) => room)).toEqual([...this.positions.keys()])
    for (const { room, from } of rooms) {
      expect(from).toBe(this.positions.get(room)?.seq)
    }
  }

  /** The answer is lost, or comes after the client has given up. */
  async comeBackUnread(): Promise<void> {
    if (this.user !== undefined) return
    const user = await ChatUser.greetedForResume(this.chat.port, this.features)
    user.stopReading()
    user.send(resume(this.ticket, [...this.positions.values()], 1))
    await user.expectStillConnected()
    user.reset()
  }

  /** What RESUMED must say of each room, by what the log holds now. */
  private async outcomes(): Promise<ReadonlyMap<string, ResumeOutcome>> {
    const outcomes = new Map<string, ResumeOutcome>()
    for (const { room, seq } of this.positions.values()) {
      const [next] = await this.log.readAfter(room, seq, { maxRecords: 1, maxBytes: 0 })
      outcomes.set(room, next === undefined || next.prev === seq ? ResumeOutcome.Whole : ResumeOutcome.Gap)
    }
    return outcomes
  }

  get heads(): readonly (readonly [string, number])[] {
    return [...this.positions].map(([room, { seq }]) => [room, seq])
  }

  private take(packet: Packet): void {
    if (packet.kind === 'ping') this.user?.send({ kind: 'pong', correlation: packet.correlation })
    if (packet.kind === 'ticket') this.ticket = packet.ticket
    if (packet.kind === 'deliver') {
      for (const { prev, seq } of packet.records) this.moveOn(packet.room, prev, [seq])
    }
    if (packet.kind === 'gap') {
      const { room, from, to } = packet
      this.gaps.push(packet)
      this.moveOn(
        room,
        from,
        Array.from({ length: to - from }, (_, index) => from + 1 + index),
      )
    }
  }

  private moveOn(room: string, from: number, seqs: readonly number[]): void {
    const position = this.positions.get(room)
    expect(from).toBe(position?.seq)
    this.known.get(room)?.push(...seqs)
    const seq = seqs.at(-1) as RoomPosition['seq'] | undefined
    if (position !== undefined && seq !== undefined) this.positions.set(room, { ...position, seq })
  }
}

async function run(chat: Chat, round: number, steps: readonly Step[]): Promise<void> {
  const rooms = ROOMS.map((room) => `${room}-${round}`)
  const talker = await chat.connect(`talker-${round}`)
  for (const room of rooms) await talker.join(room)
  const readers: Reader[] = []
  for (let index = 0; index < READERS; index += 1) {
    const features = index === 0 ? Feature.Resume | Feature.Positions : Feature.Resume
    const reader = new Reader(chat, `reader-${round}-${index}`, features)
    await reader.login(rooms)
    readers.push(reader)
  }
  const heads = new Map<string, number>()
  for (const step of steps) {
    if (step.kind === 'talk') {
      const room = rooms[step.room] ?? ''
      for (let said = 0; said < step.messages; said += 1) heads.set(room, (await talker.says(room, `${said}`)).seq)
    } else await readers[step.reader]?.[step.kind]()
  }
  for (const room of rooms) heads.set(room, (await talker.says(room, 'the end')).seq)
  for (const reader of readers) {
    await reader.comeBack()
    const readOn = async (): Promise<unknown> => {
      await reader.read()
      return new Map(reader.heads)
    }
    await expect.poll(readOn, { interval: 2 }).toEqual(heads)
    for (const seqs of reader.known.values()) {
      const first = seqs[0] ?? 0
      expect(seqs).toEqual(seqs.map((_, index) => first + index))
    }
    await reader.cut()
  }
  talker.reset()
}

test.each(['memory', 'lmdb'])(
  'each record is shown once and in order, or in a GAP: %s',
  async (engine) => {
    const chat = await startChat({
      NESTWIRE_LOG_ENGINE: engine,
      NESTWIRE_HISTORY_MAX_RECORDS: String(HISTORY),
      NESTWIRE_PRESENCE_INTERVAL_MS: '60000',
    })
    let round = 0
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryStep, { maxLength: 40 }), async (steps) => {
        round += 1
        await run(chat, round, steps)
      }),
      { numRuns: 15 },
    )
  },
  60_000,
)
