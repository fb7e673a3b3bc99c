/**
 * Close codes end a connection. The range alone says what a client may do next, so a client needs no table:
 * 1xxx reconnect now · 2xxx later (after `retryAfterMs`, with jitter) · 3xxx at the `target` · 4xxx never with the same input.
 */
export const CloseCode = {
  Normal: 1000,
  TokenExpired: 1001,
  IdleTimeout: 1002,
  ServerFull: 2000,
  ShuttingDown: 2001,
  SlowConsumer: 2002,
  HandshakeTimeout: 2003,
  HalfFrameTimeout: 2004,
  InternalError: 2005,
  TooManyLogins: 2006,
  TooManyConnections: 2007,
  BackedOff: 2008,
  BelongsElsewhere: 3000,
  BadMagic: 4000,
  BadFrameVersion: 4001,
  BadFrameType: 4002,
  FrameTooLarge: 4003,
  TruncatedPacket: 4004,
  TrailingBytes: 4005,
  EofInFrame: 4006,
  UnknownOperation: 4007,
  WrongFrameType: 4008,
  BadField: 4009,
  NoCommonVersion: 4010,
  OutOfState: 4011,
  AuthRejected: 4012,
  CorrelationInUse: 4013,
  TakenOver: 4014,
  SessionRevoked: 4015,
} as const
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]

export type RetryClass = 'now' | 'later' | 'elsewhere' | 'never'

/** Total: a code from a newer server still has a class. */
export function retryClassOf(code: number): RetryClass {
  if (code < 2000) return 'now'
  if (code < 3000) return 'later'
  if (code < 4000) return 'elsewhere'
  return 'never'
}

const names = new Map<number, string>(Object.entries(CloseCode).map(([name, value]) => [value, name]))
export const closeCodeName = (code: number): string => names.get(code) ?? String(code)
