/** What the stream answers to a publish. Pure. */
import type { Msg } from '@nats-io/transport-node'

export type PubAck =
  | { readonly kind: 'stored'; readonly seq: number; readonly isDuplicate: boolean }
  /** Nothing was written. `isFinal`: the next try would come to the same. */
  | { readonly kind: 'refused'; readonly why: string; readonly isFinal: boolean }
  /** Nothing was written: the subject has another last message than was expected. */
  | { readonly kind: 'otherLast' }

/** Error codes of JetStream for what no waiting mends: too large, no space. */
const FINAL_CODES: ReadonlySet<number> = new Set([10_023, 10_047, 10_054, 10_077])
const WRONG_LAST_SEQUENCE = 10_071

export function readPubAck(message: Pick<Msg, 'headers' | 'string'>): PubAck {
  const status = message.headers?.code ?? 0
  // No responders: the stream has no leader at the moment.
  if (status !== 0) return { kind: 'refused', why: `the stream does not answer (${status})`, isFinal: false }
  const { seq, duplicate, error } = parse(message.string())
  if (typeof seq === 'number' && Number.isSafeInteger(seq) && seq > 0) {
    return { kind: 'stored', seq, isDuplicate: duplicate === true }
  }
  const { err_code: code, description } = isFields(error) ? error : {}
  if (code === WRONG_LAST_SEQUENCE) return { kind: 'otherLast' }
  return {
    kind: 'refused',
    why: `the stream refuses: ${typeof description === 'string' ? description : 'no reason given'}`,
    isFinal: typeof code === 'number' && FINAL_CODES.has(code),
  }
}

type Fields = Readonly<Record<string, unknown>>

function parse(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : {}
  } catch {
    return {}
  }
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null
