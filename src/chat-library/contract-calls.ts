/** Calls of the chat server as its contracts describe them: payloads and replies have their types, replies are checked. */
import type { z } from 'zod'
import { chatReplies, repeatableChatPatterns, type chatPayloads, type ChatRequest } from '../chat/chat.contract.js'
import type { ChatClient } from '../client/chat-client.js'
import { ClientError } from '../client/errors.js'
import {
  repeatableRoomsPatterns,
  roomsReplies,
  type roomsPayloads,
  type RoomsRequest,
} from '../rooms/rooms.contract.js'

const replies = { ...chatReplies, ...roomsReplies }
const repeatable: ReadonlySet<string> = new Set([...repeatableChatPatterns, ...repeatableRoomsPatterns])

export type Pattern = keyof typeof replies
type RequestOf<P extends Pattern> = P extends keyof typeof roomsPayloads
  ? RoomsRequest<P>
  : P extends keyof typeof chatPayloads
    ? ChatRequest<P>
    : never
export type ReplyOf<P extends Pattern> = z.output<(typeof replies)[P]>

export interface CallDeadline {
  /** Instead of `callTimeoutMs`: for all of it, the wait for a connection included. */
  readonly deadlineMs?: number | undefined
}

export class ContractCalls {
  constructor(
    private readonly client: () => ChatClient,
    private readonly callTimeoutMs: number,
  ) {}

  /** Rejects with a `NestwireError`; UNEXPECTED_REPLY if the reply is not what the contract says. */
  async call<P extends Pattern>(pattern: P, payload: RequestOf<P>, options: CallDeadline = {}): Promise<ReplyOf<P>> {
    const { deadlineMs = this.callTimeoutMs } = options
    const isRepeatable = repeatable.has(pattern)
    const reply = await this.client().ask(pattern, payload, { deadlineMs, isRepeatable })
    const parsed = replies[pattern].safeParse(reply)
    if (parsed.success) return parsed.data as ReplyOf<P>
    throw new ClientError('UNEXPECTED_REPLY', `the reply of ${pattern} is not understood`, { cause: parsed.error })
  }
}
