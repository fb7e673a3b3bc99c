/**
 * Judges a run by its journals alone. Pure: takes what the clients wrote down, in pieces as they come, and knows neither
 * sockets nor clocks. `accept` and `review` after each restart, `finish` once at the end.
 */
import { CloseCode } from '../../src/protocol/close-codes.js'
import type { Journal, JournalEvent, RecordEvent } from './journal.js'
import { RoomOrder, type SentMessage } from './room-order.js'
import { MAX_REDIRECTS } from './seeds.js'
import { newStanding, type Standing } from './standing.js'
import type { Violation, ViolationKind } from './violation.js'

type EventOf<Kind extends JournalEvent['kind']> = Extract<JournalEvent, { kind: Kind }>

/** Nothing that a run does calls for another one; a reader that stands still may be too slow besides. */
const CALLED_FOR: ReadonlySet<number> = new Set([CloseCode.ShuttingDown, CloseCode.TooManyLogins])

export interface CheckerOptions {
  /** The newest so many records of a room are never forgotten. */
  readonly historyMaxRecords: number
  /** The log may be away while the server is there: then RESUMED leaves rooms out, and the client comes again. */
  readonly isLogElsewhere?: boolean
}

export interface Finish {
  /** Where each room ended. */
  readonly heads: ReadonlyMap<string, number>
  /** Clients that must have come there. */
  readonly readers: readonly string[]
}

export class Checker {
  readonly violations: Violation[] = []
  private readonly rooms = new Map<string, RoomOrder>()
  private readonly sent = new Map<string, SentMessage>()
  private readonly answered = new Set<string>()
  private readonly refused = new Set<string>()
  private readonly doubted = new Set<string>()
  private readonly logged = new Set<string>()
  private readonly standings = new Map<string, Map<string, Standing>>()
  private readonly resumes: { readonly client: string; readonly event: EventOf<'resumed'> }[] = []

  constructor(private readonly options: CheckerOptions) {}

  /** What each client wrote since the last time. */
  accept(journals: ReadonlyMap<string, Journal>): void {
    // What one client sent others may have seen in the same piece.
    for (const [client, events] of journals) {
      for (const event of events) if (event.kind === 'sent') this.takeSent(client, event)
    }
    for (const [client, events] of journals) for (const event of events) this.take(client, event)
  }

  /** What can be said before the end. */
  review(): void {
    for (const room of this.rooms.values()) room.lookForLost()
  }

  finish({ heads, readers }: Finish): void {
    for (const [room, head] of heads) {
      for (const reader of readers) {
        const position = this.standingsOf(reader).get(room)?.position ?? -1
        if (position !== head) this.complain('behind', `${reader} stands at ${position} of ${head} in ${room}`)
      }
    }
    this.judgeGaps()
    this.judgeResumes()
    for (const [name, room] of this.rooms) room.finish(this.inOrder(), (seq) => this.isExcused(name, seq))
    for (const message of this.refused) if (this.logged.has(message)) this.complain('refusedButLogged', message)
    for (const [message, { sender }] of this.sent) {
      if (!this.answered.has(message)) this.complain('unanswered', `${message} of ${sender}`)
    }
  }

  /** Of what was left open nobody knows when it comes to the log, if ever. */
  private inOrder(): ReadonlyMap<string, SentMessage> {
    return new Map([...this.sent].filter(([message]) => !this.doubted.has(message)))
  }

  private take(client: string, event: JournalEvent): void {
    switch (event.kind) {
      case 'sent':
      case 'resent':
        return
      case 'acked':
        return this.takeAcked(client, event)
      case 'refused':
        this.refused.add(event.message)
        this.answered.add(event.message)
        return
      case 'doubted':
        this.doubted.add(event.message)
        this.answered.add(event.message)
        return
      case 'connected':
        for (const standing of this.standingsOf(client).values()) {
          standing.awaitsGap = false
          standing.wholeTo = 0
        }
        return
      case 'closed':
        return this.takeClosed(client, event)
      case 'redirected':
        if (event.inARow > MAX_REDIRECTS) this.complain('sentRound', `${client}: ${event.inARow} times in a row`)
        return
      case 'ticketRefused':
        return this.complain('ticketRefused', `${client}: ERROR ${event.code}`)
      case 'joined':
        return this.takeJoined(client, event)
      case 'resumed':
        return this.takeResumed(client, event)
      case 'delivered':
        return this.takeDelivered(client, event)
      case 'gap':
        return this.takeGap(client, event)
      case 'read':
        return this.takeRead(event)
      case 'misbehaved':
        return this.complain('misbehaved', `${client}: ${event.details}`)
    }
  }

  private takeSent(sender: string, { message, room, number, content }: EventOf<'sent'>): void {
    this.sent.set(message, { room, sender, number, content })
  }

  private takeAcked(client: string, { message, seq }: EventOf<'acked'>): void {
    const sent = this.sent.get(message)
    if (sent?.sender !== client) return this.complain('foreign', `${client} had ${message} acknowledged`)
    this.answered.add(message)
    this.room(sent.room).acknowledge(message, seq)
    const standing = this.standingsOf(client).get(sent.room)
    if (standing !== undefined) standing.acked = Math.max(standing.acked, seq)
  }

  private takeClosed(client: string, { code, dozes }: EventOf<'closed'>): void {
    if (CALLED_FOR.has(code) || (dozes && code === CloseCode.SlowConsumer)) return
    this.complain('wrongClose', `${client}: CLOSE ${code}`)
  }

  private takeJoined(client: string, { room, epoch, seq }: EventOf<'joined'>): void {
    if (!this.isOfEpoch(client, room, epoch)) return
    // Who stands somewhere already stays there: what came before must follow, or a GAP.
    const standings = this.standingsOf(client)
    if (!standings.has(room)) standings.set(room, newStanding(seq))
  }

  private takeResumed(client: string, event: EventOf<'resumed'>): void {
    const { room, epoch, from, to, outcome } = event
    const standing = this.standingsOf(client).get(room)
    if (outcome === 'leftOut' && this.options.isLogElsewhere === true) return
    if (outcome === 'notAMember' || outcome === 'leftOut') {
      return this.complain('membershipLost', `${client} in ${room}: ${outcome}`)
    }
    if (!this.isOfEpoch(client, room, epoch) || standing === undefined) return
    standing.awaitsGap = outcome === 'gap'
    standing.wholeTo = outcome === 'whole' ? to : 0
    this.resumes.push({ client, event })
    const { position, acked } = standing
    if (from !== position || to < Math.max(from, acked)) {
      const stood = `stood at ${position} of ${room}, with ${acked} acknowledged`
      this.complain('dishonestResume', `${client} ${stood}, RESUMED ${from}–${to}`)
    }
  }

  private takeDelivered(client: string, record: EventOf<'delivered'>): void {
    const { room, epoch, seq, prev } = record
    if (!this.isOfEpoch(client, room, epoch)) return
    this.judgeSource(record)
    this.room(room).see(record)
    const where = `${client} in ${room}`
    const standings = this.standingsOf(client)
    let standing = standings.get(room)
    // It may overtake the JOINED of its room.
    if (standing === undefined) standings.set(room, (standing = newStanding(prev)))
    const { position } = standing
    if (standing.awaitsGap) this.complain('dishonestResume', `${where}: ${seq} came, and not the GAP of RESUMED`)
    standing.awaitsGap = false
    if (seq <= position) return this.complain('shownTwice', `${where}: ${seq} at ${position}`)
    if (prev > position) this.complain('silentHole', `${where}: ${seq} after ${prev} came at ${position}`)
    if (prev < position) this.complain('orderDiffers', `${where}: ${seq} after ${prev} came at ${position}`)
    standing.position = seq
  }

  /** Joins and leaves have no message. */
  private judgeSource({ room, seq, message, content }: RecordEvent): void {
    if (message === undefined) return
    const sent = this.sent.get(message)
    if (sent?.room !== room || sent.content !== content) this.complain('foreign', `${room} ${seq}: ${content}`)
    this.logged.add(message)
  }

  private takeGap(client: string, gap: EventOf<'gap'>): void {
    const { room, epoch, from, to, reason } = gap
    // Nothing that a run does begins a room anew or takes away what was committed.
    if (reason !== 'trimmed') return this.complain('falseGap', `${client} in ${room}: ${reason}, ${from}–${to}`)
    if (!this.isOfEpoch(client, room, epoch)) return
    const standing = this.standingsOf(client).get(room)
    if (standing === undefined || from !== standing.position || to <= from) {
      return this.complain('falseGap', `${client} in ${room}: ${from}–${to} at ${standing?.position}`)
    }
    standing.position = to
    standing.awaitsGap = false
    standing.gaps.push({ ...gap, wholeTo: standing.wholeTo })
  }

  private takeRead(record: RecordEvent): void {
    const { room, seq, content, prev } = record
    const known = this.room(room).record(seq)
    if (known?.content === content && known.prev === prev) return
    // Before the first reader came.
    if (known === undefined && this.isExcused(room, seq)) return
    this.complain('logDiffers', `${room} ${seq}: ${content} after ${prev}, delivered ${known?.content ?? 'nothing'}`)
  }

  /** A record is forgotten only when there are enough newer ones. */
  private judgeGaps(): void {
    const { historyMaxRecords } = this.options
    for (const [client, standings] of this.standings) {
      for (const { gaps } of standings.values()) {
        for (const { room, from, to, atMs, wholeTo } of gaps) {
          if (from < wholeTo && this.room(room).countAfter(wholeTo, atMs) === 0) {
            const promise = `RESUMED whole up to ${wholeTo}`
            this.complain('dishonestResume', `${client} in ${room}: ${promise}, GAP ${from}–${to}, and nothing new`)
          }
          const newer = this.room(room).countAfter(to, atMs)
          if (newer >= historyMaxRecords) continue
          this.complain('falseGap', `${client} in ${room}: ${from}–${to}, with ${newer} records after it`)
        }
      }
    }
  }

  /** What RESUMED told as the end of a room must be a record of it. */
  private judgeResumes(): void {
    for (const { client, event } of this.resumes) {
      const { room, from, to } = event
      if (to === from || this.room(room).record(to) !== undefined || this.isExcused(room, to)) continue
      this.complain('dishonestResume', `${client} in ${room}: RESUMED ${from}–${to}, where nobody saw a record`)
    }
  }

  /** Whoever was in the room by then was told that it is gone. */
  private isExcused(room: string, seq: number): boolean {
    return [...this.standings.values()].every((standings) => {
      const standing = standings.get(room)
      if (standing === undefined || standing.start >= seq) return true
      return standing.gaps.some(({ from, to }) => from < seq && seq <= to)
    })
  }

  private isOfEpoch(client: string, room: string, epoch: number): boolean {
    const order = this.room(room)
    if (order.isOfEpoch(epoch)) return true
    this.complain('epochChanged', `${client} in ${room}: from ${order.epoch} to ${epoch}`)
    return false
  }

  private room(name: string): RoomOrder {
    let room = this.rooms.get(name)
    if (room === undefined) {
      room = new RoomOrder(name, (kind, details) => this.complain(kind, details))
      this.rooms.set(name, room)
    }
    return room
  }

  private standingsOf(client: string): Map<string, Standing> {
    let standings = this.standings.get(client)
    if (standings === undefined) this.standings.set(client, (standings = new Map()))
    return standings
  }

  private complain(kind: ViolationKind, details: string): void {
    this.violations.push({ kind, details })
  }
}
