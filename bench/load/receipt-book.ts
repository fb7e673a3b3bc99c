/** Who got which message of its room, how often, and how long after it was published. */
import { Samples } from '../statistics.js'
import { monotonicMs } from './monotonic-ms.js'

export class ReceiptBook {
  /** From publishing a message to each first receipt. */
  readonly deliveryMs = new Samples()
  deliveries = 0
  duplicates = 0
  /** First receipts after one of a later message. */
  disordered = 0
  /** One byte a member and message. */
  private readonly seen: Uint8Array
  /** Of each member: the latest message that came. */
  private readonly latest: Int32Array
  private readonly published: number[][]

  constructor(
    private readonly members: number,
    private readonly rooms: number,
    private readonly maxMessages: number,
  ) {
    this.seen = new Uint8Array(members * maxMessages)
    this.latest = new Int32Array(members).fill(-1)
    this.published = Array.from({ length: rooms }, () => [])
  }

  /** Over all rooms. */
  get messages(): number {
    return this.published.reduce((sum, { length }) => sum + length, 0)
  }

  /** How many deliveries that makes if nothing is lost. */
  get expected(): number {
    return (this.messages * this.members) / this.rooms
  }

  /** The index of the room's next message, published now; `undefined` if it may have no more. */
  publish(room: number): number | undefined {
    const times = this.published[room] ?? []
    if (times.length === this.maxMessages) return undefined
    times.push(monotonicMs())
    return times.length - 1
  }

  heard(member: number, index: number): void {
    const at = member * this.maxMessages + index
    if (this.seen[at] === 1) {
      this.duplicates += 1
      return
    }
    this.seen[at] = 1
    this.deliveries += 1
    const latest = this.latest[member] ?? -1
    if (index < latest) this.disordered += 1
    else this.latest[member] = index
    this.deliveryMs.add(monotonicMs() - (this.published[member % this.rooms]?.[index] ?? NaN))
  }
}
