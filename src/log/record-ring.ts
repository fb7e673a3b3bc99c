import type { RoomRecord } from '../protocol/packets.js'

const FIRST_CAPACITY = 4

/**
 * Records in order, oldest first: adding at the end and dropping at the front are O(1), over many of them, whatever the
 * length. Gives slots back: what was dropped takes no memory.
 */
export class RecordRing {
  // Capacity is a power of two, so that a position wraps by a mask. Dropped slots are emptied: they pin no body.
  private slots: (RoomRecord | undefined)[] = []
  private start = 0
  private count = 0

  get length(): number {
    return this.count
  }

  /** Slots, with those that hold nothing: at most four times the length. */
  get capacity(): number {
    return this.slots.length
  }

  at(index: number): RoomRecord | undefined {
    return index < 0 || index >= this.count ? undefined : this.slots[(this.start + index) & (this.slots.length - 1)]
  }

  push(record: RoomRecord): void {
    if (this.count === this.slots.length) this.resize(Math.max(FIRST_CAPACITY, this.count * 2))
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
    if (this.count === 0) this.resize(0)
    else if (this.isSparse) this.resize(this.slots.length / 2)
    return oldest
  }

  /** Half of the slots are half full then: half as many records as are moved come or go before the next change. */
  private get isSparse(): boolean {
    return this.slots.length > FIRST_CAPACITY && this.count * 4 <= this.slots.length
  }

  private resize(capacity: number): void {
    const resized: (RoomRecord | undefined)[] = Array.from({ length: capacity })
    for (let index = 0; index < this.count; index += 1) resized[index] = this.at(index)
    this.slots = resized
    this.start = 0
  }
}
