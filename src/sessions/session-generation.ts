/**
 * Which tickets of a session count. Each resume hands out the next generation of tickets; the one before stays good
 * until the client has shown that it holds the new one, since the answer that brought it may have been lost. Pure.
 *
 * `state => version:u8 revoked:u8 confirmed:u32 offered:u32 forgetAt:u64`
 */
import { Reader } from '../protocol/reader.js'
import { Writer } from '../protocol/writer.js'

const VERSION = 1
const STATE_BYTES = 18

/** Of a session that was never resumed; nothing is kept of it. */
export const FIRST_GENERATION = 1

export interface SessionGeneration {
  /** The newest that the client has shown to hold. */
  readonly confirmed: number
  /** The newest that was handed out; not below `confirmed`. */
  readonly offered: number
  readonly isRevoked: boolean
  /** Unix milliseconds; from then on every ticket that this refuses has expired, and nothing need be kept. */
  readonly forgetAtMs: number
}

export type TicketVerdict = 'good' | 'replayed' | 'revoked'

/**
 * `undefined`: nothing is kept, so no other ticket of the session can be valid. A generation that nobody remembers to
 * have handed out was sealed all the same: the store was set back, and counts for less.
 */
export function judgeGeneration(state: SessionGeneration | undefined, presented: number): TicketVerdict {
  if (state === undefined) return 'good'
  if (state.isRevoked) return 'revoked'
  return presented === state.confirmed || presented >= state.offered ? 'good' : 'replayed'
}

/** After a resume with a good ticket: who shows a ticket holds it. */
export const advanced = (
  state: SessionGeneration | undefined,
  presented: number,
  forgetAtMs: number,
): SessionGeneration => ({
  confirmed: presented,
  offered: Math.max(presented, state?.offered ?? 0) + 1,
  isRevoked: false,
  forgetAtMs: Math.max(forgetAtMs, state?.forgetAtMs ?? 0),
})

/** After the client has shown to hold `generation`; `undefined` if that changes nothing, or was overtaken. */
export const confirmed = (state: SessionGeneration, generation: number): SessionGeneration | undefined =>
  state.isRevoked || state.offered !== generation || state.confirmed === generation
    ? undefined
    : { ...state, confirmed: generation }

/** No ticket counts any more. */
export const revoked = (forgetAtMs: number): SessionGeneration => ({
  confirmed: 0,
  offered: 0,
  isRevoked: true,
  forgetAtMs,
})

export function encodeGeneration({ confirmed, offered, isRevoked, forgetAtMs }: SessionGeneration): Buffer {
  const writer = new Writer(STATE_BYTES, STATE_BYTES)
  writer.u8(VERSION)
  writer.u8(isRevoked ? 1 : 0)
  writer.u32(confirmed)
  writer.u32(offered)
  writer.u64(forgetAtMs)
  return writer.toBuffer()
}

/** Throws for what this version did not write. */
export function decodeGeneration(bytes: Buffer): SessionGeneration {
  const reader = new Reader(bytes)
  const version = reader.u8()
  if (version !== VERSION) throw new RangeError(`version ${version}`)
  const isRevoked = reader.oneOf([0, 1]) === 1
  const state = { isRevoked, confirmed: reader.u32(), offered: reader.u32(), forgetAtMs: reader.u64() }
  reader.end()
  return state
}
