import { UsageError } from './usage-error.js'

const secondsOf = { s: 1, m: 60, h: 3600, d: 86_400 } as const
const isUnit = (text: string): text is keyof typeof secondsOf => text in secondsOf

/** `90s`, `15m`, `1h`, `30d` in seconds. */
export function parseDurationSeconds(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const seconds = isUnit(unit) ? Number(digits) * secondsOf[unit] : 0
  if (seconds === 0) throw new UsageError(`not a duration: ${text} (say 90s, 15m, 1h or 30d)`)
  return seconds
}
