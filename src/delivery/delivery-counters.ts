/** What delivery did, as plain numbers: whoever wants to know reads them. */
import { FixedHistogram } from '../fixed-histogram.js'
import type { DeliveryPriority } from './room-delivery.js'

type ByPriority = Record<DeliveryPriority, number>
const none = (): ByPriority => ({ high: 0, normal: 0, low: 0, notice: 0 })

export class DeliveryCounters {
  /** Records that were logged, by what was asked for, */
  readonly published: ByPriority = none()
  /** and the bytes of their bodies. */
  publishedBytes = 0
  /** Messages that were in the log already. */
  repeats = 0
  /** Messages of normal urgency that found room in the low lane only. */
  degraded = 0
  /** Answered with BACKPRESSURE, by what was asked for. */
  readonly refused: ByPriority = none()
  /** High messages and notices that had to wait for room in their lane. */
  waited = 0
  /** Batches of at least one record that all live members were offered. */
  batches = 0
  /** Records in those. */
  batchedRecords = 0
  /** Records times the members that got them. */
  deliveries = 0
  /**
   * Seconds from when a record was logged, by whatever node and that one's clock, until the last live member of its room was
   * written: once for each record, with the time of the oldest in its batch.
   */
  readonly lag = new FixedHistogram()
  /** Times that a member fell behind, */
  fellBehind = 0
  /** and that one read on to where its room was. */
  caughtUp = 0
  /** Members that were told of records the log had no more. */
  gaps = 0
  /** Copies of ephemeral frames that slow members went without. */
  ephemeralsDropped = 0
  /** Records that were not held for members but left to be read, since so much waits for members already. */
  feedOverflows = 0
}
