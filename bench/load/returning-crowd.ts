/**
 * Clients that lose their connection and come back, in rooms of the same size, each with a publisher beside. Counts who
 * got what; see `ReturningReport`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { issueToken } from '../../src/auth/token-issuer.js'
import { parseRoomId, type RoomId } from '../../src/protocol/ids.js'
import { percentile } from '../statistics.js'
import { ReceiptBook } from './receipt-book.js'
import { ReturningMember } from './returning-member.js'
import { ReturningNestwire } from './returning-nestwire.js'
import { ReturningSocketIo } from './returning-socket-io.js'
import type { Heard, ReturningWire } from './returning-wire.js'
import type { SourceAddress } from './source-address.js'

export interface CrowdOptions {
  readonly dialect: 'nestwire' | 'socket.io'
  readonly port: number
  /** Of the server's tokens; of no use to rivals. */
  readonly secret: string
  readonly clients: number
  /** Client `n` is in room `n % rooms`. */
  readonly rooms: number
  /** A room has no more messages than these. */
  readonly messages: number
  /** How many are between SYN and being in at the same time. */
  readonly atOnce: number
}

export interface ReturningReport {
  /** Over all rooms. */
  readonly messages: number
  readonly deliveries: number
  readonly lost: number
  readonly duplicates: number
  /** Messages that came after a later one of the room. */
  readonly disordered: number
  /** Clients that are not in. */
  readonly neverReturned: number
  /** How often clients came back. */
  readonly returns: number
  /** Publications that were never acknowledged. */
  readonly unanswered: number
  /** Connections that the server ended without notice. */
  readonly endedWithoutNotice: number
  readonly deliveryMsP50: number
  readonly deliveryMsP99: number
  readonly returnMsP50: number
  readonly returnMsP95: number
  readonly returnMsMax: number
  readonly fault: string | undefined
}

type SourceOf = (client: number, attempt: number) => SourceAddress

const TOKEN_TTL_SECONDS = 36_000
const LOOK_MS = 50
const SETTLE_MS = 5_000

export class ReturningCrowd {
  private readonly members: ReturningMember[] = []
  private readonly publishers: ReturningMember[] = []
  private readonly book: ReceiptBook
  private stopFlow: (() => void) | undefined
  private readonly cuts = new Map<ReturningMember, NodeJS.Timeout>()

  private constructor({ clients, rooms, messages }: CrowdOptions) {
    this.book = new ReceiptBook(clients, rooms, messages)
  }

  /** Resolves when all are in; `sourceOf`: where each connects from. */
  static async enter(options: CrowdOptions, sourceOf: SourceOf): Promise<ReturningCrowd> {
    const { clients, rooms, port } = options
    const crowd = new ReturningCrowd(options)
    const add = async (list: ReturningMember[], number: number, heard: Heard): Promise<void> => {
      const wire = await makeWire(options, number, heard)
      list.push(new ReturningMember({ port, wire, source: (attempt) => sourceOf(number, attempt) }))
    }
    for (let number = 0; number < clients; number += 1) {
      await add(crowd.members, number, (index) => crowd.book.heard(number, index))
    }
    // One of each room, for it is as many as there are rooms.
    const first = Math.ceil(clients / rooms) * rooms
    for (let room = 0; room < rooms; room += 1) await add(crowd.publishers, first + room, () => undefined)
    const queue = crowd.everybody.values()
    const enterNext = async (): Promise<void> => {
      for (const member of queue) await member.enter()
    }
    await Promise.all(Array.from({ length: options.atOnce }, enterNext))
    return crowd
  }

  get deliveries(): number {
    return this.book.deliveries
  }

  /**
   * In every room a message each `everyMs`, none of them at the same time; resolves after `endFlow`, or when all rooms have
   * theirs.
   */
  flow(everyMs: number): Promise<void> {
    const startMs = performance.now()
    const { publishers, book } = this
    let published = 0
    return new Promise((resolve) => {
      const publishDue = (): void => {
        const due = ((performance.now() - startMs) / everyMs) * publishers.length
        for (; published < due; published += 1) {
          const room = published % publishers.length
          const index = book.publish(room)
          if (index === undefined) return this.endFlow()
          publishers[room]?.publish(index)
        }
      }
      const timer = setInterval(publishDue, 1)
      this.stopFlow = () => {
        clearInterval(timer)
        resolve()
      }
    })
  }

  endFlow(): void {
    this.stopFlow?.()
  }

  /** Each client loses its connection half to one and a half times `everyMs` after it was back, again and again. */
  beginCuts({ everyMs, offlineMs }: { readonly everyMs: number; readonly offlineMs: number }): void {
    const cutLater = (member: ReturningMember, afterMs: number): void => {
      const cut = (): void => {
        member.cut(offlineMs)
        cutLater(member, offlineMs)
      }
      this.cuts.set(member, setTimeout(cut, afterMs + everyMs * (0.5 + Math.random())))
    }
    for (const member of this.members) cutLater(member, 0)
  }

  endCuts(): void {
    for (const timer of this.cuts.values()) clearTimeout(timer)
  }

  /**
   * Resolves when everybody is in and has everything, or nothing has happened for `stallMs`; or for a part of that, once
   * everybody is in.
   */
  async collect(stallMs: number): Promise<ReturningReport> {
    let last = ''
    let lastAtMs = performance.now()
    for (;;) {
      const { neverReturned, unanswered, deliveries, lost } = this.counts()
      if (neverReturned === 0 && unanswered === 0 && lost === 0) break
      const patienceMs = neverReturned === 0 ? Math.min(stallMs, SETTLE_MS) : stallMs
      if (performance.now() - lastAtMs >= patienceMs) break
      const now = [neverReturned, unanswered, deliveries].join()
      if (now !== last) [last, lastAtMs] = [now, performance.now()]
      await sleep(LOOK_MS)
    }
    return this.report()
  }

  stop(): void {
    this.endFlow()
    this.endCuts()
    for (const member of this.everybody) member.stop()
  }

  private get everybody(): readonly ReturningMember[] {
    return [...this.publishers, ...this.members]
  }

  private counts() {
    const { everybody, book } = this
    return {
      messages: book.messages,
      deliveries: book.deliveries,
      lost: book.expected - book.deliveries,
      duplicates: book.duplicates,
      disordered: book.disordered,
      neverReturned: everybody.filter(({ wire }) => !wire.isIn).length,
      unanswered: everybody.reduce((sum, { wire }) => sum + wire.unanswered, 0),
    }
  }

  private report(): ReturningReport {
    const { everybody, book } = this
    const awayMs = everybody.flatMap((member) => member.awayMs)
    return {
      ...this.counts(),
      returns: awayMs.length,
      endedWithoutNotice: everybody.reduce((sum, member) => sum + member.endedWithoutNotice, 0),
      deliveryMsP50: percentile(book.deliveryMs.all, 0.5),
      deliveryMsP99: percentile(book.deliveryMs.all, 0.99),
      returnMsP50: percentile(awayMs, 0.5),
      returnMsP95: percentile(awayMs, 0.95),
      returnMsMax: percentile(awayMs, 1),
      fault: everybody.find(({ wire }) => wire.fault !== undefined)?.wire.fault,
    }
  }
}

async function makeWire(
  { dialect, secret, rooms }: CrowdOptions,
  number: number,
  heard: Heard,
): Promise<ReturningWire> {
  const room = roomNamed(`room-${number % rooms}`)
  if (dialect === 'socket.io') return new ReturningSocketIo(room, heard)
  const token = await issueToken({ user: `client-${number}`, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, secret)
  return new ReturningNestwire({ room, token, heard })
}

function roomNamed(name: string): RoomId {
  const room = parseRoomId(name)
  if (room === undefined) throw new Error(`${name} is no room's name`)
  return room
}
