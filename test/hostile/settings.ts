/** What the server of the short form is set to, so that its deadlines pass and its places are taken within a test; the long form has the defaults. */
export const MAX_CONNECTIONS = { short: 3_000, long: 12_000 } as const

const SHORT = {
  NESTWIRE_HANDSHAKE_TIMEOUT_MS: '2000',
  NESTWIRE_HALF_FRAME_TIMEOUT_MS: '2000',
  NESTWIRE_WRITE_STALL_TIMEOUT_MS: '2000',
  NESTWIRE_MAX_TLS_HANDSHAKES: '100',
}

export const settingsOf = (isLong: boolean): Readonly<Record<string, string>> => ({
  // The honest come from there, all others from elsewhere in 127.0.0.0/8.
  NESTWIRE_TRUSTED_ADDRESSES: '127.0.0.1',
  NESTWIRE_MAX_CONNECTIONS: String(isLong ? MAX_CONNECTIONS.long : MAX_CONNECTIONS.short),
  ...(isLong ? {} : SHORT),
})
