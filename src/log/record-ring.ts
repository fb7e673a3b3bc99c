import type { RoomRecord } from '../protocol/packets.js'

const FIRST_CAPACITY = 4

/** Records in order, oldest first: adding at the end and dropping at the front are O(1), whatever the length. */
export class RecordRing {
  // Capacity is a power of two, so that a position wraps by a mask. Dropped slots are emptied: they pin no body.
  private slots: (RoomRecord | undefined)[] = []
  private start = 0
  private count = 0

  get length(): number {
    return this.count
  }

  at(index: number): RoomRecord | undefined {
    return index < 0 || index >= this.count ? undefined : this.slots[(this.start + index) & (this.slots.length - 1)]
  }

  push(record: RoomRecord): void {
    if (this.count === this.slots.length) this.grow()
    this.slots[(this.start + this.count) & (this.slots.length - 1)] = record
    this.count += 1
  }

  /** Takes the oldest away; `undefined` when empty. */
  shift(): RoomRecord | undefined {
    const oldest = this.at(0)
    if (oldest === undefined) return undefined
    this.slots[this.start] = undefined
    this.start = (this.start + 1) & (this.slots.length - 1)
    this.count -= 1
    return oldest
  }

  private grow(): void {
    const grown: (RoomRecord | undefined)[] = Array.from({ length: Math.max(FIRST_CAPACITY, this.slots.length * 2) })
    for (let index = 0; index < this.count; index += 1) grown[index] = this.at(index)
    this.slots = grown
    this.start = 0
  }
}
