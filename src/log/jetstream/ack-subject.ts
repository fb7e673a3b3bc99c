/**
 * Where a consumer's message stands, as its reply subject says. Pure.
 * `$JS.ACK.<stream>.<consumer>.<tries>.<seq>.<delivered>.<time>.<pending>`, or since 2.10, if the account is set so,
 * `$JS.ACK.<domain>.<account hash>.<stream>.<consumer>.<tries>.<seq>.<delivered>.<time>.<pending>.<random>`
 */

interface AckNumbers {
  /** Of the stream. */
  readonly seq: number
  /** Of the consumer: one more with each message. */
  readonly delivered: number
  /** Messages the consumer has behind this one. */
  readonly pending: number
}

const SHORT_TOKENS = 9
const SHORT_AT = { seq: 5, delivered: 6, pending: 8 } as const
const LONGER_BY = 2

/** `undefined` if it is no such subject. */
export function numbersOfAck(subject: string | undefined): AckNumbers | undefined {
  if (subject === undefined || !subject.startsWith('$JS.ACK.')) return undefined
  const tokens = subject.split('.')
  if (tokens.length < SHORT_TOKENS) return undefined
  const shift = tokens.length === SHORT_TOKENS ? 0 : LONGER_BY
  const at = (index: number): number => Number(tokens[index + shift])
  const numbers = { seq: at(SHORT_AT.seq), delivered: at(SHORT_AT.delivered), pending: at(SHORT_AT.pending) }
  return Object.values(numbers).every(Number.isSafeInteger) ? numbers : undefined
}
