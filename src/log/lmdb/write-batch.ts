/**
 * The writes of one commit, encoded in one piece of memory that the next batch uses again: LMDB reads it from another
 * thread, so it must not be reset before the commit has ended.
 */

/** 1,000 messages of 64 bytes take 150 KB; what does not fit gets memory of its own. */
const ARENA_BYTES = 1024 * 1024

export class WriteBatch {
  private readonly arena = Buffer.allocUnsafeSlow(ARENA_BYTES)
  private used = 0
  readonly keys: Buffer[] = []
  /** `undefined`: the key is removed. */
  readonly values: (Buffer | undefined)[] = []

  readonly allocate = (bytes: number): Buffer => {
    if (this.used + bytes > ARENA_BYTES) return Buffer.allocUnsafe(bytes)
    this.used += bytes
    return this.arena.subarray(this.used - bytes, this.used)
  }

  get isEmpty(): boolean {
    return this.keys.length === 0
  }

  put(key: Buffer, value: Buffer): void {
    this.keys.push(key)
    this.values.push(value)
  }

  remove(key: Buffer): void {
    this.keys.push(key)
    this.values.push(undefined)
  }

  reset(): void {
    this.used = 0
    this.keys.length = 0
    this.values.length = 0
  }
}
