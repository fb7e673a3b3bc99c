/**
 * Error codes answer one request; the connection lives. `outcome` says what the caller may assume:
 * `notLogged`: nothing happened, safe to send again; `unknown`: it may have happened.
 */
export const ErrorCode = {
  Application: 1,
  NoHandler: 2,
  BadBody: 3,
  BadPayload: 4,
  TokenInvalid: 5,
  TokenExpired: 6,
  UserMismatch: 7,
  Forbidden: 8,
  RoomNotFound: 9,
  RoomExists: 10,
  NotAMember: 11,
  Banned: 12,
  TooManyRooms: 13,
  MessageTooLarge: 14,
  DeadlineExceeded: 15,
  Draining: 16,
  Internal: 17,
  FeatureOff: 18,
  StreamOverrun: 19,
  RoomFull: 20,
  LogUnavailable: 21,
  CommitFailed: 22,
  Backpressure: 23,
  RateLimited: 24,
  OutcomeUnknown: 25,
  TicketInvalid: 26,
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

export type Outcome = 'notLogged' | 'unknown'

const unknownOutcome: ReadonlySet<number> = new Set([
  ErrorCode.Application,
  ErrorCode.DeadlineExceeded,
  ErrorCode.Internal,
  ErrorCode.StreamOverrun,
  ErrorCode.CommitFailed,
  ErrorCode.OutcomeUnknown,
])

/** A code that this version does not know is of unknown outcome. */
export const outcomeOf = (code: number): Outcome =>
  unknownOutcome.has(code) || !names.has(code) ? 'unknown' : 'notLogged'

const names = new Map<number, string>(Object.entries(ErrorCode).map(([name, value]) => [value, name]))
/** `ROOM_NOT_FOUND` for 9: the spelling that callers see. */
export const errorCodeName = (code: number): string =>
  (names.get(code) ?? `Code${code}`).replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toUpperCase()
