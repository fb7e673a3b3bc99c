/** Somebody who chats: a raw client past AUTH that follows its rooms as docs/PROTOCOL.md tells clients to. */
import { expect } from 'vitest'
import { decodeBody } from '../../src/protocol/body.js'
import { Feature } from '../../src/protocol/constants.js'
import { errorCodeName } from '../../src/protocol/error-codes.js'
import type { Epoch, Seq } from '../../src/protocol/ids.js'
import {
  LeaveReason,
  RecordKind,
  ResumeOutcome,
  type Packet,
  type RoomPosition,
  type RoomRecord,
} from '../../src/protocol/packets.js'
import { auth, join, nextMessageId, publish, request, resume } from './client-packets.js'
import { roomOf } from './example-packets.js'
import { RawClient, hello, type PacketOf } from './raw-client.js'

export { auth, join, nextMessageId, publish, request, resume }

export interface Comeback {
  readonly ticket: Buffer
  readonly positions: readonly RoomPosition[]
  readonly features: number
}

/** A room as one client hears it: where it stands, and what it was told and did not ask for yet. */
interface Hearing {
  readonly epoch: Epoch
  seq: Seq
  readonly records: RoomRecord[]
}

export class ChatUser extends RawClient {
  private readonly rooms = new Map<string, Hearing>()
  /** What the last AUTH_OK or RESUMED said. */
  granted: PacketOf<'authOk' | 'resumed'> | undefined

  static async login(port: number, token: string, greeting: Packet = hello()): Promise<ChatUser> {
    const user = new ChatUser(port, '127.0.0.1')
    await user.opened()
    await user.ask(greeting, 'welcome')
    await user.authenticate(token)
    return user
  }

  /**
   * Somebody whose connection is gone comes back on another one with the ticket that they hold: RESUME → RESUMED. Rooms
   * that are given back are heard from where they were left.
   */
  static async comeBack(port: number, earlier: ChatUser, over: Partial<Comeback> = {}): Promise<ChatUser> {
    const user = await ChatUser.greetedForResume(port, over.features)
    const granted = await user.resume(over.ticket ?? earlier.ticket, over.positions ?? earlier.positions)
    for (const { room, epoch, from, outcome } of granted.rooms) {
      if (outcome !== ResumeOutcome.NotAMember) user.rooms.set(room, { epoch, seq: from, records: [] })
    }
    return user
  }

  /** Past HELLO, with a part in resume. */
  static async greetedForResume(port: number, features: number = Feature.Resume): Promise<ChatUser> {
    const user = new ChatUser(port, '127.0.0.1')
    await user.opened()
    await user.ask(hello({ features }), 'welcome')
    return user
  }

  /** RESUME → RESUMED; the PING behind it is not answered yet. */
  async resume(ticket: Buffer, positions: readonly RoomPosition[] = []): Promise<PacketOf<'resumed'>> {
    const granted = await this.call((correlation) => resume(ticket, positions, correlation), 'resumed')
    this.granted = granted
    return granted
  }

  /** Answers the PING behind RESUMED, and waits until the server has heard it. */
  async showsTicket(): Promise<void> {
    const ping = (await this.find((packet) => packet.kind === 'ping')) as PacketOf<'ping'>
    this.send({ kind: 'pong', correlation: ping.correlation })
    await this.settled()
  }

  /** Where it stands in its rooms; what came and was not asked for yet is not counted. */
  get positions(): readonly RoomPosition[] {
    return [...this.rooms].map(([room, { epoch, seq }]) => ({ room: roomOf(room), epoch, seq }))
  }

  /** POSITION: everything that came so far was read. */
  confirm(): void {
    this.send({ kind: 'position', receivedBytes: this.socket.bytesRead, positions: [] })
  }

  /** AUTH → AUTH_OK; a refresh when logged in already. */
  async authenticate(token: string): Promise<PacketOf<'authOk'>> {
    const granted = await this.call((correlation) => auth(token, correlation), 'authOk')
    this.granted = granted
    return granted
  }

  /** The newest ticket in hand. */
  get ticket(): Buffer {
    return this.granted?.ticket ?? Buffer.alloc(0)
  }

  async join(room: string): Promise<PacketOf<'joined'>> {
    const joined = await this.call((correlation) => join(room, correlation), 'joined')
    const { epoch, seq } = joined
    if (this.rooms.get(room)?.epoch !== epoch) this.rooms.set(room, { epoch, seq, records: [] })
    return joined
  }

  says(room: string, body: string | Buffer): Promise<PacketOf<'ack'>> {
    return this.call((correlation) => publish(room, body, correlation), 'ack')
  }

  /** What the handler of `pattern` answers. */
  async request(pattern: string, data?: unknown): Promise<unknown> {
    const { body } = await this.call((correlation) => request(pattern, data, correlation), 'reply')
    return decodeBody(body)
  }

  /** The name of the error code that the request is answered with. */
  refusal(pattern: string, data?: unknown): Promise<string> {
    return this.refusalOf((correlation) => request(pattern, data, correlation))
  }

  /** The same for any packet that has an answer. */
  async refusalOf(packet: (correlation: number) => Packet): Promise<string> {
    return errorCodeName((await this.call(packet, 'error')).code)
  }

  /** The kind of the packet that answers. */
  async answerTo(packet: (correlation: number) => Packet): Promise<Packet['kind']> {
    const correlation = this.nextCorrelation()
    this.send(packet(correlation))
    return (await this.find((candidate) => isAnswer(candidate) && candidate.correlation === correlation)).kind
  }

  /** The body of the next event of that pattern. */
  async event(pattern: string): Promise<unknown> {
    const event = await this.find((packet) => packet.kind === 'event' && packet.pattern === pattern)
    return decodeBody((event as PacketOf<'event'>).body)
  }

  /** The next records of the room, in order: texts as they are, joins and leaves as `+bob` and `-bob kicked`. */
  async hears(room: string, lines: readonly string[]): Promise<readonly RoomRecord[]> {
    const records = await this.records(room, lines.length)
    expect(records.map(lineOf)).toEqual(lines)
    return records
  }

  /** The next `count` records of the room; each must follow the one before. */
  async records(room: string, count: number): Promise<readonly RoomRecord[]> {
    const hearing = this.hearing(room)
    while (hearing.records.length < count) {
      const packet = await this.find((candidate) => candidate.kind === 'deliver' && candidate.room === room)
      follow(hearing, packet as PacketOf<'deliver'>)
    }
    return hearing.records.splice(0, count)
  }

  /** Nothing has come that was not asked for, and nothing is on its way. */
  override async expectNothing(): Promise<void> {
    await super.expectNothing()
    for (const { records } of this.rooms.values()) expect(records.map(lineOf)).toEqual([])
  }

  /** The packet that answers; deliveries and events may come before it. */
  private async call<Kind extends Answer['kind']>(
    packet: (correlation: number) => Packet,
    kind: Kind,
  ): Promise<PacketOf<Kind>> {
    const correlation = this.nextCorrelation()
    this.send(packet(correlation))
    const answer = await this.find((candidate) => isAnswer(candidate) && candidate.correlation === correlation)
    expect(answer).toMatchObject({ kind })
    return answer as PacketOf<Kind>
  }

  private hearing(room: string): Hearing {
    const hearing = this.rooms.get(room)
    if (hearing === undefined) throw new Error(`did not join ${room}`)
    return hearing
  }
}

type Answer = PacketOf<'authOk' | 'resumed' | 'joined' | 'ack' | 'reply' | 'error'>
const answers: ReadonlySet<string> = new Set([
  'authOk',
  'resumed',
  'joined',
  'ack',
  'reply',
  'error',
] satisfies Answer['kind'][])
const isAnswer = (packet: Packet): packet is Answer => answers.has(packet.kind)

function follow(hearing: Hearing, { epoch, records }: PacketOf<'deliver'>): void {
  expect(epoch).toBe(hearing.epoch)
  for (const record of records) {
    expect(record.prev).toBe(hearing.seq)
    hearing.seq = record.seq
    hearing.records.push(record)
  }
}

const leaveWords: Readonly<Record<number, string>> = {
  [LeaveReason.Left]: 'left',
  [LeaveReason.Kicked]: 'kicked',
  [LeaveReason.Banned]: 'banned',
}

function lineOf({ kind, sender, body }: RoomRecord): string {
  if (kind === RecordKind.Text) return body.toString()
  return kind === RecordKind.Join ? `+${sender}` : `-${sender} ${leaveWords[body[0] ?? -1]}`
}
