/** Payloads and replies of `chat.*`, for server and clients. `docs/PATTERNS.md` is the same in prose. */
import { z } from 'zod'
import { MESSAGE_ID_BYTES } from '../protocol/constants.js'
import { epoch, roomName, seq, userName } from '../rooms/rooms.contract.js'

const MAX_HISTORY_RECORDS = 200
/** A u32 in PUBLISH. */
const MAX_AGE_MS = 2 ** 32 - 1

const bytes = z.instanceof(Uint8Array, { error: 'is not binary' })

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

/** What a client sends. */
export type ChatRequest<Pattern extends ChatPattern> = z.input<(typeof chatPayloads)[Pattern]>

/** The message is in the log. */
const sendReply = z.object({ seq, timeMs: z.number() }).readonly()
export type SendReply = z.output<typeof sendReply>

const historyRecord = z
  .object({
    kind: z.enum(['text', 'join', 'leave']),
    seq,
    prev: seq,
    timeMs: z.number(),
    sender: userName,
    body: z.instanceof(Buffer),
  })
  .readonly()
export type HistoryRecord = z.output<typeof historyRecord>

/** Ascending; `more` = there are records beyond the end that was asked towards. */
const historyReply = z
  .object({ room: roomName, epoch, records: z.array(historyRecord).readonly(), more: z.boolean() })
  .readonly()
export type HistoryReply = z.output<typeof historyReply>

/** Fields that a newer server adds are dropped. */
export const chatReplies = {
  'chat.send': sendReply,
  'chat.history': historyReply,
} as const satisfies Record<ChatPattern, z.ZodType>

/** Asked twice they do what they do once. */
export const repeatableChatPatterns = ['chat.history'] as const satisfies readonly ChatPattern[]
