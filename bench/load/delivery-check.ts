import { RecordKind, type RoomRecord } from '../../src/protocol/packets.js'
import { continueChain, indexOfMessage } from './numbered-message.js'

/** What one member has seen of a room's numbered messages, judged as it comes. */
export class DeliveryCheck {
  /** Messages that came a second time. */
  duplicates = 0
  /** Records that do not follow the one before them. */
  disordered = 0
  /** Over all messages so far, in the order they came. */
  chain = 0
  private readonly seen: Uint8Array
  private position = 0

  constructor(messages: number) {
    this.seen = new Uint8Array(messages)
  }

  /** Messages 0 to `sent` - 1 that never came. */
  lost(sent: number): number {
    return this.seen.subarray(0, sent).reduce((lost, isSeen) => lost + 1 - isSeen, 0)
  }

  startAfter(seq: number): void {
    this.position = seq
  }

  /** The message's index, if `record` is one that had not come before. */
  accept(record: RoomRecord): number | undefined {
    if (record.prev !== this.position) this.disordered += 1
    this.position = record.seq
    if (record.kind !== RecordKind.Text) return undefined
    this.chain = continueChain(this.chain, record.seq, record.body)
    const index = indexOfMessage(record.body)
    if (this.seen[index] === 1) {
      this.duplicates += 1
      return undefined
    }
    this.seen[index] = 1
    return index
  }
}
