/** What a log did, as plain numbers: whoever wants to know reads them. */
import { FixedHistogram } from '../fixed-histogram.js'

const WRITES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048] as const

export class LogCounters {
  /** Seconds until an append was committed. An engine that commits many together counts each with the oldest of them. */
  readonly appendSeconds = new FixedHistogram()
  /** Seconds of one commit, where this process commits. */
  readonly commitSeconds = new FixedHistogram()
  /** Records and other changes in one commit. */
  readonly commitWrites = new FixedHistogram(WRITES)
  commitFailures = 0
  /** Records removed: by the limits of a room, by a trim, with a room. */
  forgotten = 0
}

/** How full a log is. */
export interface LogSize {
  /** Bytes kept, and how many may be; `undefined` where only the servers of the cluster know. */
  readonly bytes?: number
  readonly maxBytes?: number
  /** Ids of messages by which repeats are known. */
  readonly recentIds: number
  /** Entries of the cluster's state in the memory of this node. */
  readonly stateEntries?: number
}
