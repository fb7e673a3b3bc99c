/**
 * A client of the torture, made of the protocol page and nothing of the client library: logs in once, resumes ever
 * after, goes on sending where it was, and writes everything down. Between the server's deaths it ends connections of its
 * own, stops reading for a while, and stays away longer than the log remembers. It corrects nothing: what it was given
 * is what it writes.
 */
import { retryClassOf } from '../../src/protocol/close-codes.js'
import { Feature, PROTOCOL_VERSION } from '../../src/protocol/constants.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Epoch, RoomId, Seq } from '../../src/protocol/ids.js'
import { GapReason, ResumeOutcome, type Packet, type RoomPosition } from '../../src/protocol/packets.js'
import { recordEvent } from './content.js'
import type { JournalEvent } from './journal.js'
import type { Random, Span } from './random.js'
import type { Participant } from './judged-crowd.js'
import type { Seeds } from './seeds.js'
import { Sender } from './sender.js'
import { WireConnection } from './wire-connection.js'

export interface Habits {
  readonly sends: boolean
  /** Ends its own connections, now and then. */
  readonly cuts: boolean
  /** Stops reading for a while. */
  readonly dozes: boolean
  /** Stays away until the log has forgotten what it missed. */
  readonly sleeps: boolean
}

export const QUIET: Habits = { sends: false, cuts: false, dozes: false, sleeps: false }

export interface TortureClientOptions {
  readonly user: string
  readonly seeds: Seeds
  readonly token: string
  readonly rooms: readonly [RoomId, ...RoomId[]]
  readonly random: Random
  readonly habits: Habits
  /** After so much silence it gives a connection up; default 10 s. */
  readonly silenceMs?: number
}

type PacketOf<Kind extends Packet['kind']> = Extract<Packet, { kind: Kind }>

const gapReasons = {
  [GapReason.Trimmed]: 'trimmed',
  [GapReason.EpochChanged]: 'epochChanged',
  [GapReason.AheadOfLog]: 'aheadOfLog',
} as const
const outcomes = {
  [ResumeOutcome.Whole]: 'whole',
  [ResumeOutcome.Gap]: 'gap',
  [ResumeOutcome.NotAMember]: 'notAMember',
} as const

const RETRY_MS: Span = [20, 250]
const PAUSE_BETWEEN_SENDS_MS: Span = [5, 25]
const CUT_AFTER_MS: Span = [500, 9_000]
const DOZE_AFTER_MS: Span = [500, 4_000]
const DOZE_MS: Span = [500, 3_000]
const SLEEP_MS: Span = [4_000, 12_000]

export class TortureClient implements Participant {
  private journal: JournalEvent[] = []
  private readonly positions = new Map<RoomId, { readonly epoch: Epoch; readonly seq: Seq }>()
  private readonly sender: Sender
  /** Correlations of JOINs without an answer. */
  private readonly joining = new Set<number>()
  private wire: WireConnection | undefined
  private ticket: Buffer | undefined
  private isActive = false
  private isStopped = false
  private restsFromHere = false
  private lastCorrelation = 0
  /** Go with the connection. */
  private readonly timers = new Set<NodeJS.Timeout>()

  constructor(private readonly options: TortureClientOptions) {
    const { user, rooms, random } = options
    this.sender = new Sender({ user, rooms, random, write: (event) => this.write(event) })
    this.connect()
  }

  get user(): string {
    return this.options.user
  }

  /** Everything that it sent has its answer. */
  get isAnswered(): boolean {
    return this.sender.isIdle
  }

  positionIn(room: RoomId): number | undefined {
    return this.positions.get(room)?.seq
  }

  takeJournal(): readonly JournalEvent[] {
    const { journal } = this
    this.journal = []
    return journal
  }

  /** Sends nothing new and stays connected from here on. */
  rest(): void {
    this.restsFromHere = true
    this.wire?.readOn()
  }

  stop(): void {
    this.isStopped = true
    this.wire?.cut()
  }

  private connect(): void {
    const { port } = this.options.seeds
    const owner = {
      opened: (): void => this.greet(),
      received: (packet: Packet): void => this.take(packet),
      closed: (): void => this.lost(port),
      misread: (error: unknown): void => this.write({ kind: 'misbehaved', details: String(error) }),
    }
    this.wire = new WireConnection(port, owner, this.options.silenceMs)
  }

  private greet(): void {
    this.write({ kind: 'connected' })
    const [minVersion, maxVersion] = [PROTOCOL_VERSION, PROTOCOL_VERSION]
    const features = Feature.Resume | Feature.Positions
    this.say({ kind: 'hello', minVersion, maxVersion, features, agent: 'torture' })
    if (this.ticket === undefined) return this.login()
    const positions = [...this.positions].map(([room, position]): RoomPosition => ({ room, ...position }))
    const { redirects } = this.options.seeds
    this.say({ kind: 'resume', correlation: this.correlation(), redirects, ticket: this.ticket, positions })
  }

  private login(): void {
    const { token, seeds } = this.options
    const { redirects } = seeds
    this.say({ kind: 'auth', correlation: this.correlation(), redirects, token })
  }

  private lost(from: number): void {
    this.isActive = false
    this.options.seeds.lost(from)
    this.joining.clear()
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
    if (this.isStopped) return
    const { random, habits } = this.options
    const isAsleep = habits.sleeps && !this.restsFromHere && random.chance(0.3)
    setTimeout(() => !this.isStopped && this.connect(), random.within(isAsleep ? SLEEP_MS : RETRY_MS))
  }

  private take(packet: Packet): void {
    switch (packet.kind) {
      case 'authOk':
        this.ticket = Buffer.from(packet.ticket)
        return this.active()
      case 'resumed':
        this.ticket = Buffer.from(packet.ticket)
        this.takeResumed(packet)
        // What it says nothing of cannot be read now: a later RESUME will tell.
        return this.isHeardEverywhere(packet) ? this.active() : this.wire?.cut()
      case 'ticket':
        this.ticket = Buffer.from(packet.ticket)
        return
      case 'joined':
        return this.takeJoined(packet)
      case 'deliver':
        return this.takeDeliver(packet)
      case 'gap':
        return this.takeGap(packet)
      case 'ack':
      case 'error':
        return this.takeAnswer(packet)
      case 'ping':
        this.say({ kind: 'pong', correlation: packet.correlation })
        return this.wire?.confirm()
      case 'close':
        return this.takeClose(packet)
      case 'goAway':
        return this.options.seeds.sentTo(packet.target)
      case 'welcome':
      case 'limits':
      case 'event':
        return
      default:
        return this.write({ kind: 'misbehaved', details: `it sent ${packet.kind}` })
    }
  }

  private takeResumed({ rooms }: PacketOf<'resumed'>): void {
    const told = new Set<RoomId>()
    for (const { room, epoch, from, to, outcome } of rooms) {
      told.add(room)
      this.write({ kind: 'resumed', room, epoch, from, to, outcome: outcomes[outcome] })
    }
    for (const [room, { epoch, seq }] of this.positions) {
      if (!told.has(room)) this.write({ kind: 'resumed', room, epoch, from: seq, to: seq, outcome: 'leftOut' })
    }
  }

  private isHeardEverywhere({ rooms }: PacketOf<'resumed'>): boolean {
    const told = new Set(rooms.map(({ room }) => room))
    return [...this.positions.keys()].every((room) => told.has(room))
  }

  private takeClose({ code, target }: PacketOf<'close'>): void {
    const { seeds, habits } = this.options
    if (retryClassOf(code) === 'elsewhere' && target !== '') {
      seeds.redirected(target)
      this.write({ kind: 'redirected', code, inARow: seeds.redirects })
    } else this.write({ kind: 'closed', code, dozes: habits.dozes })
  }

  private active(): void {
    this.isActive = true
    this.options.seeds.admitted()
    for (const room of this.options.rooms) {
      if (!this.positions.has(room)) this.join(room)
    }
    this.say(...this.sender.again(() => this.correlation()))
    const { habits } = this.options
    if (habits.sends) this.sendOn()
    if (habits.cuts) this.later(CUT_AFTER_MS, () => this.wire?.cut())
    if (habits.dozes) this.dozeOn()
  }

  private join(room: RoomId): void {
    const correlation = this.correlation()
    this.joining.add(correlation)
    this.say({ kind: 'join', correlation, room })
  }

  private sendOn(): void {
    this.later(PAUSE_BETWEEN_SENDS_MS, () => {
      const isIn = this.positions.size === this.options.rooms.length
      if (isIn && this.isActive) this.say(...this.sender.next(() => this.correlation()))
      this.sendOn()
    })
  }

  private dozeOn(): void {
    this.later(DOZE_AFTER_MS, () => {
      this.wire?.pause()
      this.later(DOZE_MS, () => {
        this.wire?.readOn()
        this.dozeOn()
      })
    })
  }

  private takeJoined({ correlation, room, epoch, seq }: PacketOf<'joined'>): void {
    this.joining.delete(correlation)
    this.write({ kind: 'joined', room, epoch, seq })
    if (!this.positions.has(room)) this.positions.set(room, { epoch, seq })
  }

  private takeDeliver({ room, epoch, records }: PacketOf<'deliver'>): void {
    for (const record of records) {
      this.write({ kind: 'delivered', ...recordEvent({ room, epoch }, record) })
      this.positions.set(room, { epoch, seq: record.seq })
    }
  }

  private takeGap({ room, epoch, from, to, reason }: PacketOf<'gap'>): void {
    this.write({ kind: 'gap', room, epoch, from, to, reason: gapReasons[reason], atMs: Date.now() })
    this.positions.set(room, { epoch, seq: to })
  }

  private takeAnswer(packet: PacketOf<'ack' | 'error'>): void {
    if (this.sender.answered(packet)) return
    const isOfJoin = this.joining.delete(packet.correlation)
    if (packet.kind === 'error' && (isOfJoin || !this.isActive)) return this.takeRefusal(packet.code)
    this.write({ kind: 'misbehaved', details: `an answer to nothing: ${JSON.stringify(packet)}` })
  }

  private takeRefusal(code: number): void {
    // Of anything else nobody knows now: the ticket stands.
    if (code !== ErrorCode.TicketInvalid) return this.wire?.cut()
    this.write({ kind: 'ticketRefused', code })
    this.ticket = undefined
    this.login()
  }

  /** Once, on this connection, unless all habits are over by then. */
  private later(span: Span, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      if (!this.restsFromHere) act()
    }, this.options.random.within(span))
    this.timers.add(timer)
  }

  private correlation(): number {
    this.lastCorrelation += 1
    return this.lastCorrelation
  }

  private say(...packets: Packet[]): void {
    if (packets.length > 0) this.wire?.send(...packets)
  }

  private write(event: JournalEvent): void {
    this.journal.push(event)
  }
}
