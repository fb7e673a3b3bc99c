/**
 * Messages on their way, in a line for each room: sent in the order of the calls, sent again in that order after an
 * interruption, and held here until the server has answered. A repeat goes alone, so that nothing is stored before it if it
 * is refused: 1,000 of them take 0.1 s in memory, 0.8 s with LMDB on loopback. A message is settled once, with its place in the log, a
 * refusal, or OUTCOME_UNKNOWN; never by sending it where the server may no longer know its id.
 */
import type { Clock } from '../clock.js'
import type { RoomId } from '../protocol/ids.js'
import { Alarm } from './alarm.js'
import type { ClientConnection } from './client-connection.js'
import type { PublishOptions } from './connection-options.js'
import { ClientError, ConnectionClosedError, ServerClosedError, ServerError, TimeoutError } from './errors.js'
import { isDraining, type NestwireError } from './errors.js'
import type { QueueLimits } from './item-queue.js'
import { outcomeUnknown, PendingSend, type Published } from './pending-send.js'
import { judgeRetry } from './retry.js'

export const DEFAULT_SEND_LIMITS: QueueLimits = { maxItems: 10_000, maxBytes: 8 * 1024 * 1024 }

interface SendLineOptions {
  readonly clock: Clock
  readonly limits: QueueLimits
  /** 0 up to 1, for the jitter. */
  readonly random: () => number
  /** Why there is no connection, for who waits in vain. */
  readonly whyNone: () => NestwireError | undefined
}

interface RoomLine {
  /** Unanswered, in the order of the calls. */
  readonly sends: Set<PendingSend>
  /** How many of them are not in flight. */
  waiting: number
  /** A repeat is in flight. */
  isRepeating: boolean
  /** A repeat was refused: until this uptime nothing of the room is sent. */
  notBeforeMs: number
  refusals: number
}

export class SendLine {
  private readonly lines = new Map<RoomId, RoomLine>()
  private readonly alarm: Alarm
  private connection: ClientConnection | undefined
  private windowMs = 0
  private heldItems = 0
  private heldBytes = 0
  private isOutboxAwaited = false
  private closedBy: NestwireError | undefined

  constructor(private readonly options: SendLineOptions) {
    this.alarm = new Alarm(options.clock, () => this.onAlarm())
  }

  /** See `Room.publish`. */
  publish(room: RoomId, body: string | Uint8Array, options: PublishOptions): Promise<Published> {
    return new Promise((resolve, reject) => {
      if (this.closedBy !== undefined) throw notSent(this.closedBy)
      const send = new PendingSend({ room, body, options }, { resolve, reject }, this.options.clock)
      this.admit(send)
      const line = this.lineOf(room)
      line.sends.add(send)
      this.putBack(line, send)
      // It was too late already.
      if (!line.sends.has(send)) return
      // Whatever else waits has a reason, which this one shares.
      if (line.waiting === 1) this.trySend(line, send)
    })
  }

  /** From here on messages leave by this connection, those that wait first. */
  attach(connection: ClientConnection): void {
    this.connection = connection
    this.windowMs = connection.session?.dedupWindowMs ?? 0
    this.sendWaiting()
  }

  /** The connection takes nothing new, or is lost. What is in flight may still be answered. */
  detach(): void {
    this.connection = undefined
  }

  /** There will be no other connection. */
  close(error: NestwireError): void {
    this.closedBy = error
    this.detach()
    this.alarm.clear()
    for (const send of this.allSends()) {
      this.remove(send)
      send.giveUp(error)
    }
  }

  private get nowMs(): number {
    return this.options.clock.uptimeMs()
  }

  private admit({ body }: PendingSend): void {
    const { maxItems, maxBytes } = this.options.limits
    if (this.heldItems >= maxItems) throw bufferFull(`${maxItems} messages have no answer yet (sendBuffer.maxItems)`)
    if (this.heldBytes + body.length > maxBytes) {
      throw bufferFull(`messages without an answer may have ${maxBytes} bytes together (sendBuffer.maxBytes)`)
    }
    this.heldItems += 1
    this.heldBytes += body.length
  }

  private remove(send: PendingSend): boolean {
    const line = this.lines.get(send.room)
    if (line?.sends.delete(send) !== true) return false
    this.heldItems -= 1
    this.heldBytes -= send.body.length
    if (!send.isInFlight) line.waiting -= 1
    if (line.sends.size === 0) this.lines.delete(send.room)
    return true
  }

  private lineOf(room: RoomId): RoomLine {
    let line = this.lines.get(room)
    if (line === undefined) {
      line = { sends: new Set(), waiting: 0, isRepeating: false, notBeforeMs: 0, refusals: 0 }
      this.lines.set(room, line)
    }
    return line
  }

  private allSends(): PendingSend[] {
    return [...this.lines.values()].flatMap(({ sends }) => [...sends])
  }

  private sendWaiting(): void {
    for (const line of this.lines.values()) this.sendNext(line)
  }

  private sendNext(line: RoomLine): void {
    for (const send of line.sends) {
      if (line.waiting === 0) return
      if (!send.isInFlight && !this.dropIfLate(send) && !this.trySend(line, send)) return
    }
  }

  /** False if it, and what is behind it, must wait. */
  private trySend(line: RoomLine, send: PendingSend): boolean {
    const { connection } = this
    if (connection === undefined || line.notBeforeMs > this.nowMs) return false
    if (line.isRepeating || (send.isRepeat && inFlightOf(line) > 0)) return false
    const isRoom = connection.hasRoomFor(send.body.length)
    if (isRoom) this.transmit(connection, line, send)
    else this.awaitOutbox(connection)
    return isRoom
  }

  private transmit(connection: ClientConnection, line: RoomLine, send: PendingSend): void {
    const { isRepeat } = send
    const options = send.begin()
    line.waiting -= 1
    line.isRepeating = isRepeat
    connection.publish(send.room, send.body, options).then(
      ({ seq, timeMs }) => {
        line.isRepeating = false
        line.refusals = 0
        if (this.remove(send)) send.settle.resolve({ seq, timeMs })
        this.goOn(line)
      },
      (error: NestwireError) => {
        line.isRepeating = false
        this.onFailed({ connection, line, send, isRepeat }, error)
      },
    )
  }

  /** What waited for the answer need not any longer. */
  private goOn(line: RoomLine): void {
    if (inFlightOf(line) === 0) this.sendNext(line)
  }

  private onFailed({ connection, line, send, isRepeat }: Try, error: NestwireError): void {
    if (!line.sends.has(send)) return
    if (!isRepeat && isUnheard(error)) send.forgetTry()
    if (isEndOfConnection(error)) return this.putBack(line, send, error)
    if (isDraining(error)) {
      if (this.connection === connection) this.detach()
      return this.putBack(line, send, error)
    }
    if (isRepeat && error instanceof ServerError && this.holdBack(line, error)) return this.putBack(line, send, error)
    this.remove(send)
    // A refusal of a repeat says nothing about the first try.
    send.settle.reject(isRepeat && !(error instanceof TimeoutError) ? outcomeUnknown(error) : error)
    this.goOn(line)
  }

  /** Whether the refusal may pass: then the room waits for a while, so that nothing overtakes what was refused. */
  private holdBack(line: RoomLine, error: ServerError): boolean {
    const verdict = judgeRetry(error, line.refusals, this.options.random)
    if (verdict.kind === 'stop') return false
    if (line.notBeforeMs <= this.nowMs) {
      line.notBeforeMs = this.nowMs + verdict.delayMs
      line.refusals += 1
      this.alarm.setBy(line.notBeforeMs)
    }
    return true
  }

  /** It waits to be sent, as long as it may. */
  private putBack(line: RoomLine, send: PendingSend, cause?: NestwireError): void {
    send.isInFlight = false
    send.failure = cause
    line.waiting += 1
    if (!this.dropIfLate(send)) this.alarm.setBy(send.lateAtMs(this.windowMs))
  }

  private dropIfLate(send: PendingSend): boolean {
    if (!send.isLate(this.windowMs)) return false
    this.remove(send)
    send.failure ??= this.options.whyNone()
    send.expire()
    return true
  }

  private awaitOutbox(connection: ClientConnection): void {
    if (this.isOutboxAwaited) return
    this.isOutboxAwaited = true
    void connection.whenRoom().then(() => {
      this.isOutboxAwaited = false
      this.sendWaiting()
    })
  }

  private onAlarm(): void {
    for (const send of this.allSends()) {
      if (!send.isInFlight && !this.dropIfLate(send)) this.alarm.setBy(send.lateAtMs(this.windowMs))
    }
    this.sendWaiting()
    for (const { notBeforeMs } of this.lines.values()) if (notBeforeMs > this.nowMs) this.alarm.setBy(notBeforeMs)
  }
}

interface Try {
  readonly connection: ClientConnection
  readonly line: RoomLine
  readonly send: PendingSend
  readonly isRepeat: boolean
}

const inFlightOf = ({ sends, waiting }: RoomLine): number => sends.size - waiting

const isEndOfConnection = (error: NestwireError): boolean =>
  error instanceof ConnectionClosedError || error instanceof ServerClosedError

/** The server has certainly done nothing, not even looked at it. */
const isUnheard = (error: NestwireError): boolean => error.code === 'NOT_CONNECTED' || isDraining(error)

const bufferFull = (detail: string): ClientError => new ClientError('SEND_BUFFER_FULL', detail)

const notSent = (cause: NestwireError): ConnectionClosedError =>
  new ConnectionClosedError('NOT_CONNECTED', 'there is no connection any more', { cause })
