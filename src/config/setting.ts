import type { z } from 'zod'

/** A setting with a unit is a limit: `docs/LIMITS.md` says what happens when it is reached. */
type Unit =
  | 'bytes'
  | 'bytes/s'
  | 'ms'
  | 'connections'
  | 'handshakes'
  | 'requests'
  | 'rooms'
  | 'members'
  | 'records'
  | 'records/s'
  | 'verifications'
  | 'logins/s'
  | 'signals/s'
  | 'connects/min'
  | 'logins/min'
  | 'failures/min'
  | 'rooms/min'
  | 'frames/s'
  | 'entries'

export interface Setting {
  readonly env: `NESTWIRE_${string}`
  readonly type: z.ZodType<unknown, string>
  /** `undefined`: the setting may be absent. */
  readonly default: string | number | boolean | readonly string[] | undefined
  readonly unit?: Unit
  readonly effect: string
  readonly live: boolean
  /** Never shown, in no answer and no log line. */
  readonly secret?: true
}

export const KIB = 1024
export const MIB = 1024 * KIB
export const DAY_MS = 86_400_000
