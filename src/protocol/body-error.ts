export type BodyFault =
  | 'tooDeep'
  | 'tooManyEntries'
  | 'tooLong'
  | 'truncated'
  | 'trailingBytes'
  | 'badKey'
  | 'badString'
  | 'badTimestamp'
  | 'badType'

/** A MessagePack body that this protocol does not carry: one that came, or a value that has none. */
export class BodyError extends Error {
  override readonly name = 'BodyError'
  constructor(
    readonly reason: BodyFault,
    detail: string,
  ) {
    super(detail)
  }
}
