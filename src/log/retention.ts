/** What a room keeps: the newest records within a count, their bytes and an age. Pure; every engine follows it. */

interface RetentionLimits {
  readonly historyMaxRecords: number
  /** Of bodies alone. */
  readonly historyMaxBytes: number
  /** 0: no limit. */
  readonly historyMaxAgeMs: number
}

/** The records that a room holds now. */
interface Kept {
  readonly count: number
  /** Of bodies alone. */
  readonly bytes: number
  readonly oldestTimeMs: number
}

/** Whether the oldest record has to go. The newest one stays however large it is. */
export function isBeyond({ count, bytes, oldestTimeMs }: Kept, limits: RetentionLimits, nowMs: number): boolean {
  if (count === 0) return false
  return (
    count > limits.historyMaxRecords ||
    (bytes > limits.historyMaxBytes && count > 1) ||
    oldestTimeMs <= expiryOf(limits, nowMs)
  )
}

/** Records of this time and earlier are too old. */
export const expiryOf = ({ historyMaxAgeMs }: RetentionLimits, nowMs: number): number =>
  historyMaxAgeMs === 0 ? -Infinity : nowMs - historyMaxAgeMs
