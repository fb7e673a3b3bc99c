/**
 * Appends on their way to the stream: a line a room, one subscription for all acknowledgements. Pipelined; bounded in
 * what has no outcome yet. `room-line.ts` decides what is sent when; here are the connection, the clock and the bounds.
 */
import { createInbox, headers, type Msg, type Subscription } from '@nats-io/transport-node'
import type { Clock } from '../../clock.js'
import { LogFault } from '../log-fault.js'
import type { NatsLink } from './nats-link.js'
import { readPubAck } from './pub-ack.js'
import { RoomLine, type Acknowledgement } from './room-line.js'

const TICK_MS = 100
/** Without an outcome, over all rooms. */
const MAX_APPENDS = 65_536
const MAX_APPEND_BYTES = 64 * 1024 * 1024
/** An append that waits so long means that the stream does not answer: further ones are refused. */
const SILENT_AFTER_MS = 3_000
const RETRY_AFTER_MS = 500
/** Headers of a publish. */
const PUBLISH_RESERVE_BYTES = 256

export interface AppendOrder {
  /** Of the log. */
  readonly subject: string
  readonly id: string
  readonly payload: Buffer
}

export class AppendLines {
  private readonly lines = new Map<string, RoomLine>()
  private readonly inbox = createInbox()
  private readonly subscription: Subscription
  /** By the append's id, which is the last token of the reply subject. */
  private readonly awaited = new Map<string, RoomLine>()
  private readonly idle = new Map<string, (() => void)[]>()
  private readonly stops: readonly (() => void)[]
  /** Whose oldest append waited for longest at the last tick; each append asks for the fault, and not all lines. */
  private slowest: RoomLine | undefined
  private count = 0
  private bytes = 0

  constructor(
    private readonly link: NatsLink,
    private readonly clock: Pick<Clock, 'uptimeMs' | 'every'>,
  ) {
    this.subscription = link.connection.subscribe(`${this.inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.answered(message)
      },
    })
    this.stops = [clock.every(TICK_MS, () => this.tick()), link.onReturn(() => this.resend())]
  }

  /** Why an append would be refused now. */
  fault(): string | undefined {
    const waitedMs = this.slowest?.waitedMs(this.clock.uptimeMs()) ?? 0
    return waitedMs >= SILENT_AFTER_MS ? 'NATS does not acknowledge what is appended' : undefined
  }

  /** Appends of one subject resolve in call order. Throws `LogFault` if too many have no outcome. */
  append({ subject, id, payload }: AppendOrder): Promise<Acknowledgement> {
    if (this.count >= MAX_APPENDS || this.bytes + payload.length > MAX_APPEND_BYTES) {
      throw LogFault.unavailable('too many appends are without an outcome', { retryAfterMs: RETRY_AFTER_MS })
    }
    // A publish that is too large throws, at each try.
    if (payload.length + PUBLISH_RESERVE_BYTES > (this.link.connection.info?.max_payload ?? Infinity)) {
      throw LogFault.unavailable('the record is larger than NATS takes (max_payload)')
    }
    const line = this.lineOf(subject)
    this.count += 1
    this.bytes += payload.length
    this.awaited.set(id, line)
    return new Promise((resolve, reject) => {
      const settled = (): void => {
        this.count -= 1
        this.bytes -= payload.length
        this.awaited.delete(id)
        if (line.length === 0) this.left(subject)
      }
      const nowMs = this.clock.uptimeMs()
      const acknowledge = (ack: Acknowledgement): void => (settled(), resolve(ack))
      const refuse = (fault: LogFault): void => (settled(), reject(fault))
      line.add({ id, payload, firstAtMs: nowMs, acknowledge, reject: refuse }, nowMs)
    })
  }

  /** Resolves when no append to the subject is without an outcome. */
  async settledOf(subject: string): Promise<void> {
    if (!this.lines.has(subject)) return
    await new Promise<void>((resolve) => this.idle.set(subject, [...(this.idle.get(subject) ?? []), resolve]))
  }

  async close(): Promise<void> {
    if (this.link.fault() === undefined) {
      await Promise.all(Array.from(this.lines.keys(), (subject) => this.settledOf(subject)))
    }
    for (const line of this.lines.values()) line.abandon('the room log was closed before an acknowledgement came')
    for (const stop of this.stops) stop()
    this.subscription.unsubscribe()
  }

  private lineOf(subject: string): RoomLine {
    const known = this.lines.get(subject)
    if (known !== undefined) return known
    const line: RoomLine = new RoomLine((append) => {
      // It goes out when the connection is there again.
      if (this.link.fault() !== undefined) return
      const named = headers()
      named.set('Nats-Msg-Id', append.id)
      this.link.connection.publish(subject, append.payload, { reply: `${this.inbox}.${append.id}`, headers: named })
    })
    this.lines.set(subject, line)
    return line
  }

  private left(subject: string): void {
    this.lines.delete(subject)
    for (const resolve of this.idle.get(subject) ?? []) resolve()
    this.idle.delete(subject)
  }

  private answered(message: Msg): void {
    const id = message.subject.slice(this.inbox.length + 1)
    const line = this.awaited.get(id)
    if (line === undefined) return
    const answer = readPubAck(message)
    const nowMs = this.clock.uptimeMs()
    if (answer.kind === 'stored') line.acknowledged(id, answer.seq, answer.isDuplicate, nowMs)
    else if (answer.kind === 'refused') line.refused(id, answer.why, { isFinal: answer.isFinal, nowMs })
  }

  private tick(): void {
    const nowMs = this.clock.uptimeMs()
    let mostMs = 0
    this.slowest = undefined
    for (const line of this.lines.values()) {
      line.tick(nowMs)
      const waitedMs = line.waitedMs(nowMs)
      if (waitedMs <= mostMs) continue
      mostMs = waitedMs
      this.slowest = line
    }
  }

  private resend(): void {
    const nowMs = this.clock.uptimeMs()
    for (const line of this.lines.values()) line.reconnected(nowMs)
  }
}
