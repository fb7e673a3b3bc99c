/**
 * What is known of one room's log, put together from what all clients saw and had acknowledged: whatever contradicts what
 * is known already is a violation. Knows nothing of who stands where.
 */
import type { RecordEvent } from './journal.js'
import type { ViolationKind } from './violation.js'

type Complain = (kind: ViolationKind, details: string) => void

/** Of a text that a client sent. */
export interface SentMessage {
  readonly room: string
  readonly sender: string
  readonly number: number
  readonly content: string
}

export class RoomOrder {
  epoch: number | undefined
  private readonly records = new Map<number, RecordEvent>()
  private readonly seqOfMessage = new Map<string, number>()
  private readonly acked = new Map<number, string>()
  private readonly seqOfAck = new Map<string, number>()
  /** Acknowledged and not seen yet. */
  private readonly awaited = new Set<number>()

  constructor(
    private readonly room: string,
    private readonly complain: Complain,
  ) {}

  get seqs(): number[] {
    return [...this.records.keys()].toSorted((a, b) => a - b)
  }

  isOfEpoch(epoch: number): boolean {
    this.epoch ??= epoch
    return epoch === this.epoch
  }

  record(seq: number): RecordEvent | undefined {
    return this.records.get(seq)
  }

  see(record: RecordEvent): void {
    const { seq, prev, content, message } = record
    const known = this.records.get(seq)
    if (known !== undefined) {
      if (known.content !== content) this.say('seqReused', seq, `${known.content} and ${content}`)
      else if (known.prev !== prev) this.say('orderDiffers', seq, `after ${known.prev} and after ${prev}`)
      return
    }
    this.records.set(seq, record)
    this.awaited.delete(seq)
    if (message !== undefined) this.place(message, seq)
    const acked = this.acked.get(seq)
    if (acked !== undefined && acked !== message) this.say('seqReused', seq, `acknowledged ${acked}, then ${content}`)
  }

  acknowledge(message: string, seq: number): void {
    const before = this.seqOfAck.get(message)
    if (before !== undefined && before !== seq) this.say('misplaced', seq, `${message} was acknowledged at ${before}`)
    const other = this.acked.get(seq)
    if (other !== undefined && other !== message) this.say('seqReused', seq, `acknowledged ${other} and ${message}`)
    this.acked.set(seq, message)
    this.seqOfAck.set(message, seq)
    const record = this.records.get(seq)
    if (record === undefined) this.awaited.add(seq)
    else if (record.message !== message) this.say('seqReused', seq, `is ${record.content}, acknowledged ${message}`)
    const stands = this.seqOfMessage.get(message)
    if (stands !== undefined && stands !== seq) this.say('misplaced', seq, `${message} stands at ${stands}`)
  }

  /** Acknowledged messages that readers have passed without seeing them. */
  lookForLost(): void {
    if (this.awaited.size === 0) return
    const { seqs } = this
    for (const seq of this.awaited) {
      const next = this.records.get(firstAfter(seqs, seq) ?? -1)
      if (next === undefined || next.prev >= seq) continue
      this.say('lost', seq, `${this.acked.get(seq)}: ${next.seq} comes after ${next.prev}`)
      this.awaited.delete(seq)
    }
  }

  /** The whole of it, when all is over; `sent`: what must stand in the order in which it was sent; `isExcused`: nobody heard this seq, and everybody was told so. */
  finish(sent: ReadonlyMap<string, SentMessage>, isExcused: (seq: number) => boolean): void {
    for (const seq of this.awaited) {
      if (!isExcused(seq)) this.say('lost', seq, `${this.acked.get(seq)} was never seen`)
    }
    const lastNumbers = new Map<string, number>()
    let before: number | undefined
    for (const seq of this.seqs) {
      const { prev = 0, message } = this.records.get(seq) ?? {}
      if (before !== undefined && prev !== before && !(prev > before && isExcused(prev)))
        this.say('orderDiffers', seq, `comes after ${prev}, and not after ${before}`)
      before = seq
      const { sender, number } = (message === undefined ? undefined : sent.get(message)) ?? {}
      if (sender === undefined || number === undefined) continue
      const last = lastNumbers.get(sender) ?? 0
      if (number <= last) this.say('senderOrder', seq, `${sender}: ${number} after ${last}`)
      lastNumbers.set(sender, Math.max(number, last))
    }
  }

  /** How many records after `seq` the room had at that time; those that nobody saw do not count. */
  countAfter(seq: number, atMs: number): number {
    let count = 0
    for (const record of this.records.values()) if (record.seq > seq && record.timeMs <= atMs) count += 1
    return count
  }

  private place(message: string, seq: number): void {
    const before = this.seqOfMessage.get(message)
    if (before !== undefined) this.say('loggedTwice', seq, `${message} stands at ${before}, too`)
    this.seqOfMessage.set(message, seq)
    const acked = this.seqOfAck.get(message)
    if (acked !== undefined && acked !== seq) this.say('misplaced', seq, `${message} was acknowledged at ${acked}`)
  }

  private say(kind: ViolationKind, seq: number, details: string): void {
    this.complain(kind, `${this.room} ${seq}: ${details}`)
  }
}

/** Of ascending seqs; what is looked for is near the end. */
function firstAfter(seqs: readonly number[], seq: number): number | undefined {
  let at = seqs.length
  while ((seqs[at - 1] ?? 0) > seq) at -= 1
  return seqs[at]
}
