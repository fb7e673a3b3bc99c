/**
 * A process with the members of many rooms over many nodes. Member n of room r is at node (r + n) mod nodes; the first
 * of each room publishes, either with messages in flight or at a pace. All times are taken here.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { issueToken } from '../../src/auth/token-issuer.js'
import { parseRoomId } from '../../src/protocol/ids.js'
import { percentile, Samples } from '../statistics.js'
import { answerQuestions } from './answer-questions.js'
import { LoadMember } from './load-member.js'
import { NestwireWire } from './nestwire-wire.js'
import { rivalDialects, type RivalDialectName } from './rival-dialects.js'
import { RivalWire } from './rival-wire.js'
import type { RoomWire } from './room-wire.js'
import { sourceOf } from './source-address.js'
import { TalkingRoom, type ReceiptTimes, type Seat } from './talking-room.js'

export interface RoomsOrder {
  readonly dialect: 'nestwire' | RivalDialectName
  /** Of the nodes. */
  readonly ports: readonly number[]
  readonly secret: string
  readonly rooms: number
  readonly membersPerRoom: number
  /** The first three numbers of the source addresses. */
  readonly network: string
}

export interface Talk {
  /** So many of each room in flight, or so many a second over all rooms. */
  readonly inFlightPerRoom?: number
  readonly perSecond?: number
  readonly durationMs: number
}

export interface TalkReport {
  /** From the first publication to the last receipt. */
  readonly elapsedMs: number
  readonly published: number
  readonly refusals: number
  readonly lost: number
  readonly duplicates: number
  readonly fault: string | undefined
  readonly sameNode: Times
  readonly otherNode: Times
  readonly all: Times
}

/** `null` without samples: what goes to the asking process is JSON. */
export interface Times {
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

const CONNECTING_AT_ONCE = 128
const TOKEN_TTL_SECONDS = 36_000
/** After the last join: counts of members are told, the nodes have heard of each other's members. */
const SETTLE_MS = 3_000
const LOOK_MS = 10
const STALL_MS = 5_000

const rooms: TalkingRoom[] = []
const times: ReceiptTimes = { sameNode: new Samples(), otherNode: new Samples() }
let deliveries = 0
let lastAtMs = 0

interface TakenSeat extends Seat {
  readonly member: LoadMember
}

/** Answered when all are in and what that made the servers say is through. */
async function join(order: RoomsOrder): Promise<void> {
  const queue = Array.from({ length: order.rooms * order.membersPerRoom }, (_, number) => number).values()
  const seats: TakenSeat[] = []
  const joinNext = async (): Promise<void> => {
    for (const number of queue) {
      const token = await tokenOf(order, number)
      seats[number] = takeSeat(order, number, token)
      await seats[number].member.joined()
    }
  }
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, joinNext))
  const { membersPerRoom, ports } = order
  for (let first = 0; first < seats.length; first += membersPerRoom) {
    rooms.push(new TalkingRoom(seats.slice(first, first + membersPerRoom), { nodes: ports.length, times }))
  }
  await sleep(SETTLE_MS)
}

const tokenOf = ({ dialect, secret }: RoomsOrder, number: number): Promise<string> | string =>
  dialect === 'nestwire'
    ? issueToken({ user: `member-${number}`, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, secret)
    : ''

function takeSeat(order: RoomsOrder, number: number, token: string): TakenSeat {
  const { ports, membersPerRoom, network } = order
  const room = Math.floor(number / membersPerRoom)
  const at = number % membersPerRoom
  const member = new LoadMember({
    port: ports[(room + at) % ports.length] ?? 0,
    source: sourceOf(network, number),
    wire: makeWire(order, number, token),
    heard: (self, messages) => {
      if (messages > 0) {
        deliveries += messages
        lastAtMs = performance.now()
      }
      rooms[room]?.heard(self, messages)
    },
  })
  return { member, isAtHome: at % ports.length === 0 }
}

function makeWire({ dialect, membersPerRoom }: RoomsOrder, number: number, token: string): RoomWire {
  const name = `room-${Math.floor(number / membersPerRoom)}`
  if (dialect !== 'nestwire') return new RivalWire(rivalDialects[dialect], { member: number, room: name })
  const room = parseRoomId(name)
  if (room === undefined) throw new Error(`${name} is no room's name`)
  return new NestwireWire({ room, token, isDecoding: number === membersPerRoom - 1, hasHoles: true })
}

/** Answered when everybody has everything, or nothing has come for a while. */
async function talk({ inFlightPerRoom, perSecond, durationMs }: Talk): Promise<TalkReport> {
  begin()
  const startMs = performance.now()
  if (inFlightPerRoom !== undefined) {
    const order = { window: inFlightPerRoom, messages: Infinity, durationMs, stallMs: STALL_MS }
    await Promise.all(rooms.map((room) => room.burst(order)))
  } else await keepPace(perSecond ?? 0, durationMs)
  await untilAllCame(startMs)
  return report(startMs)
}

function begin(): void {
  times.sameNode.clear()
  times.otherNode.clear()
  deliveries = 0
  for (const room of rooms) room.restart()
}

/** Rooms speak in turns, whatever the receipts. */
async function keepPace(perSecond: number, durationMs: number): Promise<void> {
  const startMs = performance.now()
  const total = Math.floor((perSecond * durationMs) / 1_000)
  for (let said = 0; said < total; await sleep(1)) {
    const due = Math.min(total, Math.ceil(((performance.now() - startMs) * perSecond) / 1_000))
    for (; said < due; said += 1) rooms[said % rooms.length]?.say()
  }
}

async function untilAllCame(startMs: number): Promise<void> {
  lastAtMs = Math.max(lastAtMs, startMs)
  const expected = rooms.reduce((sum, room) => sum + room.expectedDeliveries, 0)
  const isOver = (): boolean => deliveries >= expected || performance.now() - lastAtMs >= STALL_MS
  while (!isOver()) await sleep(LOOK_MS)
}

function report(startMs: number): TalkReport {
  const total = (count: (room: TalkingRoom) => number): number => rooms.reduce((sum, room) => sum + count(room), 0)
  const { sameNode, otherNode } = times
  return {
    elapsedMs: lastAtMs - startMs,
    published: total(({ published }) => published),
    refusals: total(({ refusals }) => refusals),
    lost: total(({ mistakes }) => mistakes.lost),
    duplicates: total(({ mistakes }) => mistakes.duplicates),
    fault: rooms.find(({ fault }) => fault !== undefined)?.fault,
    sameNode: timesOf(sameNode.all),
    otherNode: timesOf(otherNode.all),
    all: timesOf(together(sameNode.all, otherNode.all)),
  }
}

function together(some: Float64Array, others: Float64Array): Float64Array {
  const all = new Float64Array(some.length + others.length)
  all.set(some)
  all.set(others, some.length)
  return all
}

function timesOf(samples: Float64Array): Times {
  if (samples.length === 0) return { p50Ms: null, p99Ms: null }
  return { p50Ms: percentile(samples, 0.5), p99Ms: percentile(samples, 0.99) }
}

const program = { join, talk }
export type TalkingRoomsProgram = typeof program
answerQuestions(program)
