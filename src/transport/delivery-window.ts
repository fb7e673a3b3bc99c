/**
 * What a client was sent and has not confirmed by POSITION yet. The kernel hides slowness: a frozen reader swallows
 * megabytes before a socket says so. Bytes without confirmation are bounded instead, whoever holds them.
 */

/** A client that confirms less than this within the stall deadline, while more waits for it, does not read. */
const LEAST_PROGRESS_BYTES = 4096

export class DeliveryWindow {
  private confirmedBytes = 0
  private progressSinceMs = -1
  private progressFromBytes = 0

  /** False where confirmed bytes go back or beyond what was sent: no client that counts reports that. */
  confirm(receivedBytes: number, sentBytes: number): boolean {
    if (receivedBytes < this.confirmedBytes || receivedBytes > sentBytes) return false
    this.confirmedBytes = receivedBytes
    return true
  }

  unconfirmed(sentBytes: number): number {
    return sentBytes - this.confirmedBytes
  }

  /** Since when a client that more waits for has confirmed next to nothing; -1 = it does. Asked now and then. */
  stalledSinceMs(nowMs: number, isWaiting: boolean): number {
    if (!isWaiting) this.progressSinceMs = -1
    else if (this.progressSinceMs < 0 || this.confirmedBytes - this.progressFromBytes >= LEAST_PROGRESS_BYTES) {
      this.progressSinceMs = nowMs
      this.progressFromBytes = this.confirmedBytes
    }
    return this.progressSinceMs
  }
}
