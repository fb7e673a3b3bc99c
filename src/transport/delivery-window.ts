/**
 * What a client was sent and has not confirmed by POSITION yet. The kernel hides slowness: a frozen reader swallows
 * megabytes before a socket says so. Bytes without confirmation are bounded instead, whoever holds them.
 */
export class DeliveryWindow {
  /** Only grows. */
  confirmedBytes = 0

  /** False where confirmed bytes go back or beyond what was sent: no client that counts reports that. */
  confirm(receivedBytes: number, sentBytes: number): boolean {
    if (receivedBytes < this.confirmedBytes || receivedBytes > sentBytes) return false
    this.confirmedBytes = receivedBytes
    return true
  }

  unconfirmed(sentBytes: number): number {
    return sentBytes - this.confirmedBytes
  }
}
