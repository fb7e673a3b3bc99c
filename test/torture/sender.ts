/**
 * What one client has to say: messages of random size to random rooms, and those without an answer again after each
 * reconnect, in order, with their age. Writes down what was sent and what came of it.
 */
import { outcomeOf } from '../../src/protocol/error-codes.js'
import { MESSAGE_ID_BYTES, Priority } from '../../src/protocol/constants.js'
import type { RoomId } from '../../src/protocol/ids.js'
import type { Packet } from '../../src/protocol/packets.js'
import { textBody, textContent } from './content.js'
import type { JournalEvent } from './journal.js'
import type { Random } from './random.js'

export interface SenderOptions {
  readonly user: string
  readonly rooms: readonly [RoomId, ...RoomId[]]
  readonly random: Random
  readonly write: (event: JournalEvent) => void
}

interface Pending {
  readonly message: string
  readonly room: RoomId
  readonly messageId: Buffer
  readonly body: Buffer
  readonly firstSentAtMs: number
  /** Unix milliseconds, as the server's times. */
  lastSentAtMs: number
  tries: number
}

const MAX_IN_FLIGHT = 64
const MAX_AT_ONCE = 4
const LONG_BODY_BYTES = 8_000
const SHORT_BODY_BYTES = 300
export class Sender {
  private sentCount = 0
  /** In the order in which they were sent first. */
  private readonly pending = new Map<string, Pending>()
  private readonly byCorrelation = new Map<number, Pending>()

  constructor(private readonly options: SenderOptions) {}

  get isIdle(): boolean {
    return this.pending.size === 0
  }

  /** A few new messages, or none while too many wait for their answer. */
  *next(correlation: () => number): Generator<Packet> {
    const { random, user, rooms, write } = this.options
    for (let left = random.whole(1, MAX_AT_ONCE); left > 0 && this.pending.size < MAX_IN_FLIGHT; left -= 1) {
      const messageId = random.bytes(MESSAGE_ID_BYTES)
      const message = messageId.toString('hex')
      const room = random.pick(rooms)
      this.sentCount += 1
      const length = random.whole(0, random.chance(0.02) ? LONG_BODY_BYTES : SHORT_BODY_BYTES)
      const body = textBody(messageId, this.sentCount, length)
      const firstSentAtMs = performance.now()
      const pending: Pending = { message, room, messageId, body, firstSentAtMs, lastSentAtMs: 0, tries: 0 }
      this.pending.set(message, pending)
      write({ kind: 'sent', room, message, number: this.sentCount, content: textContent(user, body) })
      yield this.publish(pending, correlation())
    }
  }

  /** Everything without an answer, on a new connection. */
  *again(correlation: () => number): Generator<Packet> {
    this.byCorrelation.clear()
    for (const pending of this.pending.values()) {
      this.options.write({ kind: 'resent', message: pending.message })
      yield this.publish(pending, correlation())
    }
  }

  /** False if it is the answer to something else. */
  answered(packet: Packet & { readonly kind: 'ack' | 'error' }): boolean {
    const pending = this.byCorrelation.get(packet.correlation)
    if (pending === undefined) return false
    this.byCorrelation.delete(packet.correlation)
    this.pending.delete(pending.message)
    const { message, tries, lastSentAtMs } = pending
    const { write } = this.options
    if (packet.kind === 'ack') {
      write({ kind: 'acked', message, seq: packet.seq, isRecognised: tries > 1 && packet.timeMs < lastSentAtMs })
    } else {
      // A refusal of a repeat says nothing about the first try, which may still be on its way to the log.
      const isOpen = tries > 1 || outcomeOf(packet.code) === 'unknown'
      write({ kind: isOpen ? 'doubted' : 'refused', message, code: packet.code })
    }
    return true
  }

  private publish(pending: Pending, correlation: number): Packet {
    const { room, messageId, body } = pending
    pending.tries += 1
    pending.lastSentAtMs = Date.now()
    this.byCorrelation.set(correlation, pending)
    const isRepeat = pending.tries > 1
    const ageMs = isRepeat ? Math.ceil(performance.now() - pending.firstSentAtMs) : undefined
    return { kind: 'publish', correlation, priority: Priority.Normal, ageMs, room, messageId, body }
  }
}
