/** Thousands of members of one room in one process. */
import { issueToken } from '../../src/auth/token-issuer.js'
import { parseRoomId } from '../../src/protocol/ids.js'
import { answerQuestions } from './answer-questions.js'
import { DeliveryCheck } from './delivery-check.js'
import { MessageReceipts, type Receipt } from './message-receipts.js'
import { RoomMember } from './room-member.js'
import { sourceOf } from './source-address.js'

export interface MembersOrder {
  /** Numbers of the members to be: `first` to `first + members - 1`. */
  readonly first: number
  readonly members: number
  /** How many messages there will be. */
  readonly messages: number
  readonly secret: string
}

export interface MembersReport {
  readonly lost: number
  readonly duplicates: number
  readonly disordered: number
  /** Members whose messages are not exactly those sent, in the order sent. */
  readonly corrupted: number
  /** Why the first member that is gone is gone. */
  readonly fault: string | undefined
}

/** Members that are between SYN and JOINED at the same time. */
const CONNECTING_AT_ONCE = 128
const NETWORK = '127.0.0'
const TOKEN_TTL_SECONDS = 3600

let order: MembersOrder | undefined
let tokens: readonly string[] = []
let checks: readonly DeliveryCheck[] = []
let receipts = new MessageReceipts(0, 0)
const members: RoomMember[] = []

/** Signs the tokens, which is not the server's time. */
async function prepare(next: MembersOrder): Promise<void> {
  order = next
  const numbers = Array.from({ length: next.members }, (_, at) => next.first + at)
  tokens = await Promise.all(
    numbers.map((number) =>
      issueToken({ user: `member-${number}`, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, next.secret),
    ),
  )
  checks = numbers.map(() => new DeliveryCheck(next.messages))
  receipts = new MessageReceipts(next.messages, next.members)
}

/** Answered when all are in the room. */
async function join({ port, room: name }: { readonly port: number; readonly room: string }): Promise<void> {
  const room = parseRoomId(name)
  if (order === undefined || room === undefined) throw new Error('nobody to join, or nowhere')
  const { first } = order
  const queue = tokens.entries()
  const joinNext = async (): Promise<void> => {
    for (const [at, token] of queue) {
      const check = checks[at] ?? new DeliveryCheck(0)
      const member = new RoomMember({
        port,
        source: sourceOf(NETWORK, first + at),
        room,
        token,
        check,
        onMessage: (index) => receipts.add(index),
      })
      members.push(member)
      await member.joined()
    }
  }
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, joinNext))
}

const receive = ({ index, timeoutMs }: { readonly index: number; readonly timeoutMs: number }): Promise<Receipt> =>
  receipts.whenAll(index, timeoutMs)

function report({ sent, chain }: { readonly sent: number; readonly chain: number }): MembersReport {
  const total = (count: (check: DeliveryCheck) => number): number => checks.reduce((sum, each) => sum + count(each), 0)
  return {
    lost: total((check) => check.lost(sent)),
    duplicates: total((check) => check.duplicates),
    disordered: total((check) => check.disordered),
    corrupted: total((check) => Number(check.chain !== chain)),
    fault: members.find(({ fault }) => fault !== undefined)?.fault,
  }
}

const program = { prepare, join, receive, report }
export type RoomMembersProgram = typeof program
answerQuestions(program)
