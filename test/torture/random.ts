/** Chance that can be repeated: the same seed, the same numbers (mulberry32). */
/** The least and the most. */
export type Span = readonly [number, number]

const GOLDEN = 0x6d2b79f5

export class Random {
  private state: number

  /** `seed`: a u32. */
  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** From 0 to below 1. */
  next(): number {
    this.state = (this.state + GOLDEN) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  within([least, most]: Span): number {
    return least + this.next() * (most - least)
  }

  /** From `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return Math.floor(this.within([least, most + 1]))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.whole(0, items.length - 1)] ?? items[0]
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.whole(0, 255)))
  }

  /** Another source, of its own whatever is taken from this one. */
  fork(): Random {
    return new Random(this.whole(0, 2 ** 32 - 1))
  }
}
