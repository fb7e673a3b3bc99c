/**
 * What the server of the short form is set to, so that its places are taken and its deadlines pass within a test; the long form has
 * the defaults. Deadlines are short only for attacks that wait for one: others must be able to connect thousands, and the honest to
 * read what waits for them, however busy the machine is.
 */
export const MAX_CONNECTIONS = { short: 3_000, long: 12_000 } as const

const SHORT = { NESTWIRE_MAX_TLS_HANDSHAKES: '100' }
const SHORT_DEADLINES = { NESTWIRE_HANDSHAKE_TIMEOUT_MS: '2000', NESTWIRE_WRITE_STALL_TIMEOUT_MS: '5000' }

export interface SettingsWanted {
  readonly isLong: boolean
  /** Of attacks that wait for one. */
  readonly isDeadlineAwaited: boolean
}

export const settingsOf = ({ isLong, isDeadlineAwaited }: SettingsWanted): Readonly<Record<string, string>> => ({
  // The honest come from there, all others from elsewhere in 127.0.0.0/8.
  NESTWIRE_TRUSTED_ADDRESSES: '127.0.0.1',
  NESTWIRE_MAX_CONNECTIONS: String(isLong ? MAX_CONNECTIONS.long : MAX_CONNECTIONS.short),
  ...(isLong ? {} : SHORT),
  ...(isDeadlineAwaited && !isLong ? SHORT_DEADLINES : {}),
})
