/**
 * The load generator's process: up to 19,000 members of one room on raw sockets. The first of them publishes if it is
 * asked to; the last decodes all it gets. See `room-load.ts` for the other end.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { issueToken } from '../../src/auth/token-issuer.js'
import { parseRoomId } from '../../src/protocol/ids.js'
import { answerQuestions } from './answer-questions.js'
import { LoadMember } from './load-member.js'
import { monotonicMs } from './monotonic-ms.js'
import { NestwireWire } from './nestwire-wire.js'
import { Publisher, type BurstOrder } from './publisher.js'
import { rivalDialects, type RivalDialect, type RivalDialectName } from './rival-dialects.js'
import { RivalWire } from './rival-wire.js'
import { sourceOf } from './source-address.js'
import { Tally, type TallyReport } from './tally.js'

export interface LoadOrder {
  readonly dialect: 'nestwire' | RivalDialectName
  /** Of the nodes; members take turns with them, by their numbers. */
  readonly ports: readonly number[]
  /** Whether the nodes know nothing of each other, so that one member of each publishes. */
  readonly isApart: boolean
  readonly room: string
  /** Of the server's tokens; of no use to rivals. */
  readonly secret: string
  /** Whom to trust where the nodes speak TLS; empty where they do not. */
  readonly ca: string
  /** Numbers of the members to be: `first` to `first + members - 1`. */
  readonly first: number
  readonly members: number
  /** The first three numbers of the source addresses; the last follows from the member's number. */
  readonly network: string
}

export interface JoinReport {
  readonly startMs: number
  readonly lastAtMs: number
}

/** By whose receipts the publisher's window goes. */
const JUDGES = 16
const TOKEN_TTL_SECONDS = 36_000
/** After the last join everybody is quiet for this long: counts of members, or a broker's first ping, are through. */
const SETTLE_MS = 600

const members: LoadMember[] = []
const tally = new Tally(members)
let publisher: Publisher | undefined
let speakers = 1
/** Who has not joined yet. */
let prepared: { readonly order?: LoadOrder; readonly tokens: readonly string[] } = { tokens: [] }

/** Signs the tokens, which is not the server's time. */
async function prepare(order: LoadOrder): Promise<void> {
  const numbers = Array.from({ length: order.members }, (_, at) => order.first + at)
  const sign = (number: number): Promise<string> =>
    issueToken({ user: `member-${number}`, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, order.secret)
  speakers = order.isApart ? order.ports.length : 1
  prepared = { order, tokens: order.dialect === 'nestwire' ? await Promise.all(numbers.map(sign)) : [] }
}

/** Answered when all that were prepared are in the room; `atOnce` are between SYN and joined at the same time. */
async function join({ atOnce }: { readonly atOnce: number }): Promise<JoinReport> {
  const { order, tokens } = prepared
  if (order === undefined) throw new Error('nobody to join')
  prepared = { order: { ...order, members: 0 }, tokens: [] }
  const queue = Array.from({ length: order.members }, (_, at) => at).values()
  const joinNext = async (): Promise<void> => {
    for (const at of queue) await enter(order, at, tokens[at] ?? '')
  }
  const startMs = monotonicMs()
  await Promise.all(Array.from({ length: Math.min(atOnce, order.members) }, joinNext))
  return { startMs, lastAtMs: monotonicMs() }
}

function enter(order: LoadOrder, at: number, token: string): Promise<void> {
  const number = order.first + at
  const member = new LoadMember({
    port: order.ports[number % order.ports.length] ?? 0,
    source: sourceOf(order.network, number),
    ca: order.ca === '' ? undefined : order.ca,
    wire: makeWire(order, at, token),
    heard,
  })
  members.push(member)
  return member.joined()
}

function makeWire(order: LoadOrder, at: number, token: string): NestwireWire | RivalWire {
  const { dialect, room: name } = order
  if (dialect !== 'nestwire') return new RivalWire(rivalDialects[dialect], { member: order.first + at, room: name })
  const room = parseRoomId(name)
  if (room === undefined) throw new Error(`${name} is no room's name`)
  return new NestwireWire({ room, token, isDecoding: at === order.members - 1 })
}

function heard(member: LoadMember, messages: number): void {
  if (messages > 0) tally.add(messages)
  publisher?.heard(member)
}

/** Resolves when what joining made the server say has come. */
async function settle(): Promise<void> {
  const { dialect = 'nestwire' } = prepared.order ?? {}
  const rival: RivalDialect | undefined = dialect === 'nestwire' ? undefined : rivalDialects[dialect]
  await sleep(SETTLE_MS + (rival?.ping?.afterMs ?? 0))
}

/** All counts are 0 again. */
function begin(): void {
  for (const { wire } of members) wire.restart()
  tally.restart()
}

/** Publishes; answered when the judges have it all, or nothing comes any more. */
function publish(order: BurstOrder): ReturnType<Publisher['run']> {
  const apart = Math.max(1, Math.floor(members.length / JUDGES))
  const judges = members.filter((_, at) => at % apart === 0 || at === members.length - 1)
  publisher = new Publisher(members.slice(0, speakers), new Set(judges))
  return publisher.run(order)
}

/** Answered when every member that reads has `messages`, or nothing has come for `stallMs`. */
const collect = (expected: { readonly messages: number; readonly stallMs: number }): Promise<TallyReport> =>
  tally.collect(expected)

/** The last `count` members do not read until they are told to; the tally leaves them out meanwhile. */
function stopReading({ count }: { readonly count: number }): void {
  const from = members.length - count
  for (const member of members.slice(from)) member.stopReading()
  tally.leaveOut(from)
}

function readOn(): void {
  for (const member of members) member.readOn()
  tally.leaveOut(members.length)
}

const program = { prepare, join, settle, begin, publish, collect, stopReading, readOn }
export type RoomLoadProgram = typeof program
answerQuestions(program)
