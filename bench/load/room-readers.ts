/** Members of one room that can be told to stop reading. Each checks every message; together they time them. */
import { issueToken } from '../../src/auth/token-issuer.js'
import { parseRoomId } from '../../src/protocol/ids.js'
import { RecordKind, type RoomRecord } from '../../src/protocol/packets.js'
import { percentile, rounded, Samples } from '../statistics.js'
import { answerQuestions } from './answer-questions.js'
import { MessageReceipts, type Receipt } from './message-receipts.js'
import { monotonicMs } from './monotonic-ms.js'
import { RoomMember, type RecordCheck } from './room-member.js'
import { readTimedMessage } from './timed-message.js'

export interface ReadersOrder {
  readonly port: number
  readonly secret: string
  readonly room: string
  /** Their users' names begin with it, and so differ from those of other readers. */
  readonly team: string
  readonly readers: number
  /** How many messages there will be. */
  readonly messages: number
}

export interface ReadersReport {
  readonly lost: number
  readonly duplicates: number
  readonly disordered: number
  /** Messages that are not what was sent. */
  readonly corrupted: number
  /** Why the first that is gone is gone. */
  readonly fault: string | undefined
  readonly p50Ms: number
  readonly p99Ms: number
}

const CONNECTING_AT_ONCE = 64
const TOKEN_TTL_SECONDS = 3600

const readers: RoomMember[] = []
let checks: readonly ReaderCheck[] = []
let receipts = new MessageReceipts(0, 0)
/** From publishing a message to a reader's receipt: one for each of both. */
let delaysMs = new Samples()

/** What one reader got. */
class ReaderCheck implements RecordCheck {
  duplicates = 0
  disordered = 0
  corrupted = 0
  private readonly seen: Uint8Array
  private position = 0

  constructor(messages: number) {
    this.seen = new Uint8Array(messages)
  }

  lost(sent: number): number {
    return this.seen.subarray(0, sent).reduce((lost, isSeen) => lost + 1 - isSeen, 0)
  }

  startAfter(seq: number): void {
    this.position = seq
  }

  accept(record: RoomRecord): number | undefined {
    if (record.prev !== this.position) this.disordered += 1
    this.position = record.seq
    if (record.kind !== RecordKind.Text) return undefined
    const message = readTimedMessage(record.body)
    if (message === undefined) {
      this.corrupted += 1
      return undefined
    }
    const { index, sentAtMs } = message
    if (this.seen[index] === 1) {
      this.duplicates += 1
      return undefined
    }
    this.seen[index] = 1
    delaysMs.add(monotonicMs() - sentAtMs)
    return index
  }
}

/** Answered when all are in the room: whether the server takes positions. */
async function join(order: ReadersOrder): Promise<boolean> {
  const { port, secret, messages, team } = order
  const room = parseRoomId(order.room)
  if (room === undefined) throw new Error('no name of a room')
  checks = Array.from({ length: order.readers }, () => new ReaderCheck(messages))
  receipts = new MessageReceipts(messages, order.readers)
  const queue = checks.entries()
  const joinNext = async (): Promise<void> => {
    for (const [at, check] of queue) {
      const claims = { user: `${team}-${at}`, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS } as const
      const token = await issueToken(claims, secret)
      const onMessage = (index: number): void => receipts.add(index)
      const reader = new RoomMember({ port, source: { localAddress: '127.0.0.2' }, room, token, check, onMessage })
      readers.push(reader)
      await reader.joined()
    }
  }
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, joinNext))
  return readers.every(({ confirms }) => confirms)
}

/** Times are taken from here on. */
function startTiming(): void {
  delaysMs = new Samples()
}

function freeze(): void {
  for (const reader of readers) reader.freeze()
}

function thaw(): void {
  for (const reader of readers) reader.thaw()
}

const receive = ({ index, timeoutMs }: { readonly index: number; readonly timeoutMs: number }): Promise<Receipt> =>
  receipts.whenAll(index, timeoutMs)

function report({ sent }: { readonly sent: number }): ReadersReport {
  const total = (count: (check: ReaderCheck) => number): number => checks.reduce((sum, each) => sum + count(each), 0)
  return {
    lost: total((check) => check.lost(sent)),
    duplicates: total((check) => check.duplicates),
    disordered: total((check) => check.disordered),
    corrupted: total((check) => check.corrupted),
    fault: readers.find(({ fault }) => fault !== undefined)?.fault,
    p50Ms: rounded(percentile(delaysMs.all, 0.5)),
    p99Ms: rounded(percentile(delaysMs.all, 0.99)),
  }
}

const program = { join, startTiming, freeze, thaw, receive, report }
export type RoomReadersProgram = typeof program
answerQuestions(program)
