/**
 * What the server of the short form is set to, so that its places are taken and its deadlines pass within a test; the long form has
 * the defaults. That of the handshake is short only for attacks that wait for it: others must be able to connect thousands within it,
 * however busy the machine is.
 */
export const MAX_CONNECTIONS = { short: 3_000, long: 12_000 } as const

const SHORT = { NESTWIRE_WRITE_STALL_TIMEOUT_MS: '2000', NESTWIRE_MAX_TLS_HANDSHAKES: '100' }
const SHORT_HANDSHAKE = { NESTWIRE_HANDSHAKE_TIMEOUT_MS: '2000' }

export interface SettingsWanted {
  readonly isLong: boolean
  /** Of attacks that wait for the deadline of the handshake. */
  readonly isHandshakeAwaited: boolean
}

export const settingsOf = ({ isLong, isHandshakeAwaited }: SettingsWanted): Readonly<Record<string, string>> => ({
  // The honest come from there, all others from elsewhere in 127.0.0.0/8.
  NESTWIRE_TRUSTED_ADDRESSES: '127.0.0.1',
  NESTWIRE_MAX_CONNECTIONS: String(isLong ? MAX_CONNECTIONS.long : MAX_CONNECTIONS.short),
  ...(isLong ? {} : SHORT),
  ...(isHandshakeAwaited && !isLong ? SHORT_HANDSHAKE : {}),
})
