/**
 * Whether a client reads what waits for it. What it has taken is what it has confirmed; of one that does not confirm, what
 * has left this process, and before that one is given up the kernel is asked, who takes much ahead of its reader.
 */

/** A client that takes less than this within the stall deadline, and not all that was sent by then, does not read. */
const LEAST_PROGRESS_BYTES = 4096

interface Reading {
  /** All that the client was to take so far. */
  readonly sentBytes: number
  /** What the client has taken as far as this process knows. */
  readonly takenBytes: number
  /** It tells by itself what it has read: nobody else need be asked. */
  readonly isTelling: boolean
}

export class ReadingWatch {
  /** Since when the client has taken next to nothing of what waits; -1 = it takes, or nothing waits. */
  sinceMs = -1
  /** The last look at which something waited, or the kernel knew better; its silence has an excuse until then. */
  excusedAtMs = -1
  private fromBytes = 0
  /** Who has taken so much has got on. */
  private goalBytes = 0
  private earlier: Promise<number | undefined> | undefined
  private isAsking = false

  constructor(
    /** Asks the kernel what it holds for the client; `undefined`: it does not tell. */
    private readonly unacknowledgedBytes: () => Promise<number | undefined>,
  ) {}

  /** Nothing waits. */
  rest(): void {
    this.sinceMs = -1
  }

  /** The look came so much later than it was to: what came meanwhile was not read, and no PING was sent. */
  forgive(lateMs: number): void {
    if (this.sinceMs >= 0) this.sinceMs += lateMs
  }

  /** Something waits; called now and then. */
  look({ takenBytes, sentBytes, isTelling }: Reading, nowMs: number): void {
    this.excusedAtMs = nowMs
    // Less than before: it is another measure now, and the time starts anew.
    const isSameMeasure = takenBytes > this.fromBytes - LEAST_PROGRESS_BYTES
    if (this.sinceMs >= 0 && isSameMeasure && takenBytes < this.goalBytes) {
      // At the second look: whoever gets on is none of the kernel's business.
      if (!isTelling) this.earlier ??= this.unacknowledgedBytes()
      return
    }
    this.sinceMs = nowMs
    this.fromBytes = takenBytes
    // Of a client with little to read something waits at each look by chance, as bytes that TLS holds until the next turn.
    this.goalBytes = takenBytes + Math.max(1, Math.min(LEAST_PROGRESS_BYTES, sentBytes - takenBytes))
    this.earlier = undefined
  }

  /** Nothing is known of before: the next question is the first. */
  forget(): void {
    if (this.sinceMs < 0) this.earlier = undefined
  }

  /**
   * The client seems to be silent for good. Calls `onSilent` unless the kernel has got rid of something since it was asked
   * last, or, asked for the first time, holds something that may keep the client busy.
   */
  verify(nowMs: number, onSilent: () => void): void {
    if (this.isAsking) return
    this.isAsking = true
    void this.hasAcknowledged().then((hasAcknowledged) => {
      this.isAsking = false
      if (!hasAcknowledged) return onSilent()
      this.excusedAtMs = nowMs
      if (this.sinceMs >= 0) this.sinceMs = nowMs
    })
  }

  private async hasAcknowledged(): Promise<boolean> {
    const earlier = this.earlier
    const asking = this.unacknowledgedBytes()
    this.earlier = asking
    const [before, now] = [await earlier, await asking]
    if (now === undefined) return false
    if (earlier === undefined) return now >= LEAST_PROGRESS_BYTES
    return before !== undefined && before - now >= LEAST_PROGRESS_BYTES
  }
}
