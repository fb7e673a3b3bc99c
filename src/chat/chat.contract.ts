/** Payloads and replies of `chat.*`. `docs/PATTERNS.md` is the same in prose. */
import { z } from 'zod'
import { MESSAGE_ID_BYTES } from '../protocol/constants.js'
import { parseSeq, type Epoch, type RoomId, type Seq, type UserId } from '../protocol/ids.js'
import { roomName } from '../rooms/rooms.contract.js'

const MAX_HISTORY_RECORDS = 200
/** A u32 in PUBLISH. */
const MAX_AGE_MS = 2 ** 32 - 1

const bytes = z.instanceof(Uint8Array, { error: 'is not binary' })
const seq = z.int().transform((value, context): Seq => {
  const parsed = parseSeq(value)
  if (parsed !== undefined) return parsed
  context.addIssue({ code: 'custom', message: 'is not a sequence number' })
  return z.NEVER
})

/** What a request carries; a PUBLISH packet comes as a `Message` already. */
const sendPayload = z
  .strictObject({
    room: roomName,
    text: z.string().optional(),
    body: bytes.optional(),
    messageId: bytes.refine((id) => id.length === MESSAGE_ID_BYTES, { error: 'is not 16 bytes' }).optional(),
    ageMs: z.int().min(0).max(MAX_AGE_MS).optional(),
  })
  .refine(({ messageId, ageMs }) => messageId !== undefined || ageMs === undefined, {
    error: 'has an age but no messageId',
  })
  .refine(({ text, body }) => (text === undefined) !== (body === undefined), { error: 'needs either text or body' })

const historyPayload = z
  .strictObject({
    room: roomName,
    after: seq.optional(),
    before: seq.optional(),
    limit: z.int().min(1).max(MAX_HISTORY_RECORDS).default(MAX_HISTORY_RECORDS),
  })
  .refine(({ after, before }) => after === undefined || before === undefined, {
    error: 'takes after or before, not both',
  })

export const chatPayloads = { 'chat.send': sendPayload, 'chat.history': historyPayload } as const

type ChatPattern = keyof typeof chatPayloads
export type ChatPayload<Pattern extends ChatPattern> = z.output<(typeof chatPayloads)[Pattern]>

/** Reply of `chat.send`: the message is in the log. */
export interface SendReply {
  readonly seq: Seq
  readonly timeMs: number
}

export interface HistoryRecord {
  readonly kind: 'text' | 'join' | 'leave'
  readonly seq: Seq
  readonly prev: Seq
  readonly timeMs: number
  readonly sender: UserId
  readonly body: Buffer
}

/** Reply of `chat.history`: ascending; `more` = there are records beyond the end that was asked towards. */
export interface HistoryReply {
  readonly room: RoomId
  readonly epoch: Epoch
  readonly records: readonly HistoryRecord[]
  readonly more: boolean
}
