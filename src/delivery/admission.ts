/**
 * Who may enter, decided before anything is logged; the only place that refuses. Capacity is what was admitted and not
 * yet logged, and what was logged and not yet offered to the last live member, counted in bytes and in messages, whichever
 * is fuller. What is logged is not refused: past twice the capacity it is only not held. Pure: no clock, no queue.
 *
 *   high    always enters; with its lane full the publisher must wait
 *   normal  enters; when congested it is degraded to the low lane, and refused if that is full too
 *   low     enters; refused when congested
 *
 * Congested: less than `highFreePercent` of the high lane or `normalFreePercent` of the normal lane is free.
 */
export type Lane = 'high' | 'normal' | 'low'

interface LaneCapacity {
  readonly maxBytes: number
  readonly maxMessages: number
}

export interface AdmissionLimits {
  readonly lanes: Readonly<Record<Lane, LaneCapacity>>
  /** Over all lanes. */
  readonly maxTotalBytes: number
  /** The router is congested while less than this of the high lane is free; 0 to 100. */
  readonly highFreePercent: number
  readonly normalFreePercent: number
}

export type AdmissionVerdict =
  | { readonly kind: 'admitted'; readonly lane: Lane; readonly isDegraded: boolean }
  | { readonly kind: 'refused' }
  /** High priority with nowhere to go: wait until something was released, then ask again. */
  | { readonly kind: 'wait' }

interface LaneLoad {
  bytes: number
  messages: number
}

const REFUSED: AdmissionVerdict = { kind: 'refused' }
const WAIT: AdmissionVerdict = { kind: 'wait' }
// One object a verdict: admission runs for every message.
const admitted: Readonly<Record<Lane, AdmissionVerdict>> = {
  high: { kind: 'admitted', lane: 'high', isDegraded: false },
  normal: { kind: 'admitted', lane: 'normal', isDegraded: false },
  low: { kind: 'admitted', lane: 'low', isDegraded: false },
}
const degraded: AdmissionVerdict = { kind: 'admitted', lane: 'low', isDegraded: true }

export class Admission {
  private readonly loads: Readonly<Record<Lane, LaneLoad>> = {
    high: { bytes: 0, messages: 0 },
    normal: { bytes: 0, messages: 0 },
    low: { bytes: 0, messages: 0 },
  }
  private totalBytes = 0

  constructor(private readonly limits: () => AdmissionLimits) {}

  get status(): 'normal' | 'congested' {
    const { highFreePercent, normalFreePercent } = this.limits()
    const isCongested = this.isFreeBelow('high', highFreePercent) || this.isFreeBelow('normal', normalFreePercent)
    return isCongested ? 'congested' : 'normal'
  }

  /** Bytes admitted or taken, and not released, over all lanes. */
  get heldBytes(): number {
    return this.totalBytes
  }

  /** What is held in one lane. */
  loadOf(lane: Lane): { readonly bytes: number; readonly messages: number } {
    return this.loads[lane]
  }

  /** Holds `bytes` for one message of the wanted priority, in the lane of the verdict; `release` gives them back. */
  admit(wanted: Lane, bytes: number): AdmissionVerdict {
    const verdict = this.judge(wanted, bytes)
    if (verdict.kind === 'admitted') this.hold(verdict.lane, bytes)
    return verdict
  }

  /**
   * Holds `bytes` for a message that is logged, by whomever; false if there is no room for it, and it must be read when
   * it is wanted. There is room for twice what may be admitted, in bytes and in messages of all lanes. A log that is fed
   * by this process alone never needs more: each byte of a message was admitted, and counts a second time only from its
   * commit until whoever appended it has heard of that.
   */
  take(lane: Lane, bytes: number): boolean {
    if (!this.mayHold(bytes)) return false
    this.hold(lane, bytes)
    return true
  }

  /** The message was offered to the last live member; or it is logged, or never will be. */
  release(lane: Lane, bytes: number): void {
    const load = this.loads[lane]
    load.bytes -= bytes
    load.messages -= 1
    this.totalBytes -= bytes
  }

  private judge(wanted: Lane, bytes: number): AdmissionVerdict {
    if (wanted === 'high') return this.fits('high', bytes) ? admitted.high : WAIT
    const isCongested = this.status === 'congested'
    if (wanted === 'low') return !isCongested && this.fits('low', bytes) ? admitted.low : REFUSED
    if (!isCongested && this.fits('normal', bytes)) return admitted.normal
    return this.fits('low', bytes) ? degraded : REFUSED
  }

  /** In whole numbers: a tenth of ten is one, which is not so in floating point. */
  private isFreeBelow(lane: Lane, percent: number): boolean {
    const { maxBytes, maxMessages } = this.limits().lanes[lane]
    const { bytes, messages } = this.loads[lane]
    return (maxBytes - bytes) * 100 < percent * maxBytes || (maxMessages - messages) * 100 < percent * maxMessages
  }

  /** While nothing is held in any lane, any one message enters, so that none is too large for ever. */
  private fits(lane: Lane, bytes: number): boolean {
    const { lanes, maxTotalBytes } = this.limits()
    const { maxBytes, maxMessages } = lanes[lane]
    const load = this.loads[lane]
    if (load.messages === 0 && this.totalBytes === 0) return true
    return load.bytes + bytes <= maxBytes && load.messages < maxMessages && this.totalBytes + bytes <= maxTotalBytes
  }

  /** The first two always: one that was admitted alone may be larger than everything. */
  private mayHold(bytes: number): boolean {
    const { lanes, maxTotalBytes } = this.limits()
    const { high, normal, low } = this.loads
    const messages = high.messages + normal.messages + low.messages
    if (messages < 2) return true
    const maxMessages = lanes.high.maxMessages + lanes.normal.maxMessages + lanes.low.maxMessages
    return this.totalBytes + bytes <= 2 * maxTotalBytes && messages < 2 * maxMessages
  }

  private hold(lane: Lane, bytes: number): void {
    const load = this.loads[lane]
    load.bytes += bytes
    load.messages += 1
    this.totalBytes += bytes
  }
}
