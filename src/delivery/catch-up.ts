/**
 * Members that are behind read on from the log: one chunk in hand each, the next when that has left, chunks shared by
 * all who stand at the same place, a few reads at a time so that a thousand of them do not harm the live ones. A member
 * is live again as soon as it stands at the room's head; the position rule does the rest. Whose read failed is tried
 * again now and then, a few at a time until one succeeds, on one timer for all.
 */
import type { Clock } from '../clock.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { encodeDeliverFrames, type DeliverFrame } from '../protocol/deliver-frames.js'
import { DELIVER_RESERVE_BYTES } from '../protocol/constants.js'
import { GapReason, type RoomRecord } from '../protocol/packets.js'
import type { Seq } from '../protocol/ids.js'
import type { RoomLog } from '../log/room-log.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import type { DeliveryCounters } from './delivery-counters.js'
import type { RoomMember } from './room-member.js'

interface CatchUpParts {
  readonly log: RoomLog
  readonly limits: () => {
    /** Payload of one chunk. */
    readonly maxFrameBytes: number
  }
  readonly clock: Pick<Clock, 'every'>
  readonly counters: DeliveryCounters
  /** Milliseconds with fractions; only differences count. */
  readonly nowMs: () => number
  /** Runs `task` after others had their turn. */
  readonly nextTick: (task: () => void) => void
}

/** Reads of the log under way at a time. */
const MAX_READS = 4
/** No read begins in a tick after so long: an engine may read while it is being asked, a whole chunk in 1.3 ms. */
const TICK_MS = 0.5
/** Chunks that are kept for others at the same place. */
const MAX_CHUNKS = 64
const MAX_CHUNK_RECORDS = 1024
/** A log that could not be read is tried again this often, by as many members as read at a time. */
const RETRY_MS = 1_000

/** A connection that is behind in so many rooms, by so many records in all. */
export interface Laggard {
  readonly connection: ConnectionHandle
  readonly rooms: number
  readonly records: number
}

/** What comes after a position: first perhaps a GAP, then records. */
interface Chunk {
  readonly gap: { readonly frame: Buffer; readonly to: Seq } | undefined
  readonly frames: readonly DeliverFrame[]
}

export class CatchUp {
  private readonly byConnection = new Map<ConnectionHandle, Set<RoomMember>>()
  /** Connections of which a member is queued or read for: the others of its rooms wait their turn. */
  private readonly busy = new Set<ConnectionHandle>()
  private readonly ready: RoomMember[] = []
  private isPumpDue = false
  private readonly chunks = new Map<string, Promise<Chunk>>()
  /** Those whose read failed, longest ago first. */
  private readonly unread = new Set<RoomMember>()
  private stopRetrying: (() => void) | undefined
  private reads = 0

  constructor(private readonly parts: CatchUpParts) {}

  /** Connections that are behind in some room. */
  get laggingConnections(): number {
    return this.byConnection.size
  }

  /** Those, and how far. */
  *laggards(): Generator<Laggard> {
    for (const [connection, members] of this.byConnection) {
      let records = 0
      for (const { feed, position } of members) records += feed.seq - position
      yield { connection, rooms: members.size, records }
    }
  }

  get readsUnderWay(): number {
    return this.reads
  }

  get chunksKept(): number {
    return this.chunks.size
  }

  /** Members that wait for the log to be readable again. */
  get unreadMembers(): number {
    return this.unread.size
  }

  /** Idempotent. A connection may have ended while it was being offered a batch: nothing is kept of it. */
  add(member: RoomMember): void {
    if (member.isLagging || !member.isAttached) return
    const { connection } = member
    this.parts.counters.fellBehind += 1
    const members = this.byConnection.get(connection)
    if (members === undefined) this.byConnection.set(connection, new Set([member]))
    else members.add(member)
    member.standing = 'waiting'
    this.goOn(connection)
  }

  /** The member is gone, or where the room is. */
  remove(member: RoomMember): void {
    if (!member.isLagging) return
    member.standing = 'live'
    if (this.unread.delete(member)) this.restIfDone()
    const members = this.byConnection.get(member.connection)
    members?.delete(member)
    if (members?.size === 0) this.byConnection.delete(member.connection)
    if (this.byConnection.size === 0) this.chunks.clear()
  }

  /** The connection has room again. */
  connectionWritable(connection: ConnectionHandle): void {
    if (this.byConnection.has(connection)) this.goOn(connection)
  }

  /** The room of this connection that was served longest ago is next, if there is room for it and none is under way. */
  private goOn(connection: ConnectionHandle): void {
    if (this.busy.has(connection)) return
    for (const member of this.byConnection.get(connection) ?? []) {
      if (member.standing !== 'waiting') continue
      if (connection.readyToDeliver()) this.enqueue(member)
      return
    }
  }

  private enqueue(member: RoomMember): void {
    member.standing = 'queued'
    this.busy.add(member.connection)
    this.ready.push(member)
    this.pumpSoon()
  }

  private pumpSoon(): void {
    if (this.isPumpDue || this.reads >= MAX_READS) return
    this.isPumpDue = true
    this.parts.nextTick(() => {
      this.isPumpDue = false
      this.pump()
    })
  }

  private pump(): void {
    const startMs = this.parts.nowMs()
    while (this.reads < MAX_READS) {
      const member = this.ready.shift()
      if (member === undefined) return
      if (member.standing === 'queued') this.read(member)
      else {
        // It left meanwhile.
        this.busy.delete(member.connection)
        this.goOn(member.connection)
      }
      if (this.parts.nowMs() - startMs >= TICK_MS) break
    }
    if (this.ready.length > 0) this.pumpSoon()
  }

  private read(member: RoomMember): void {
    member.standing = 'reading'
    this.reads += 1
    void this.advance(member).then((verdict) => {
      this.reads -= 1
      this.busy.delete(member.connection)
      if (verdict === 'goOn') this.goOn(member.connection)
      if (this.ready.length > 0) this.pumpSoon()
    })
  }

  /** One chunk for one member. `wait`: there will be news of room, and asking again before that would spin. */
  private async advance(member: RoomMember): Promise<'goOn' | 'wait'> {
    const { position } = member
    const chunk = await this.chunkAfter(member, position).catch(() => undefined)
    if (!member.isLagging) return 'goOn' // it left meanwhile
    if (chunk === undefined) return this.retryLater(member)
    this.retry(1)
    // A live batch may have moved it on while the log was read.
    const isTaken = member.position !== position || this.offer(member, chunk)
    if (!member.isAttached) this.remove(member)
    else if (member.position >= member.feed.seq) this.becomesLive(member)
    else if (isTaken && member.position === position) return this.retryLater(member)
    else this.letOthersFirst(member)
    return isTaken ? 'goOn' : 'wait'
  }

  private becomesLive(member: RoomMember): void {
    this.parts.counters.caughtUp += 1
    this.remove(member)
  }

  private letOthersFirst(member: RoomMember): void {
    member.standing = 'waiting'
    const members = this.byConnection.get(member.connection)
    members?.delete(member)
    members?.add(member)
  }

  private retryLater(member: RoomMember): 'goOn' {
    member.standing = 'unread'
    this.unread.add(member)
    this.stopRetrying ??= this.parts.clock.every(RETRY_MS, () => this.retry(MAX_READS))
    return 'goOn'
  }

  /** By the clock a few, which fail again if the log is still away; and one for each read that succeeds. */
  private retry(count: number): void {
    let left = count
    for (const member of this.unread) {
      if (left === 0) break
      left -= 1
      this.unread.delete(member)
      member.standing = 'waiting'
      this.goOn(member.connection)
    }
    this.restIfDone()
  }

  private restIfDone(): void {
    if (this.unread.size > 0) return
    this.stopRetrying?.()
    this.stopRetrying = undefined
  }

  /** False if not all of it found room. */
  private offer(member: RoomMember, { gap, frames }: Chunk): boolean {
    const { connection } = member
    const { counters } = this.parts
    if (gap !== undefined) {
      if (connection.deliver(gap.frame) !== 'queued') return false
      member.position = gap.to
      counters.gaps += 1
    }
    for (const { bytes, lastSeq, records } of frames) {
      if (connection.deliver(bytes) !== 'queued') return false
      member.position = lastSeq
      counters.deliveries += records
    }
    return true
  }

  private chunkAfter({ feed }: RoomMember, position: Seq): Promise<Chunk> {
    const key = `${feed.epoch}:${position}:${feed.room}`
    const known = this.chunks.get(key)
    if (known !== undefined) return known
    const chunk = this.readChunk(feed, position)
    this.chunks.set(key, chunk)
    // What was the head then is short now, and a failed read is no chunk: nothing is kept beyond its first use by many.
    chunk.then(
      ({ frames }) => frames.length === 0 && this.chunks.delete(key),
      () => this.chunks.delete(key),
    )
    if (this.chunks.size > MAX_CHUNKS) this.chunks.delete(this.chunks.keys().next().value ?? key)
    return chunk
  }

  private async readChunk({ room, epoch }: RoomMember['feed'], position: Seq): Promise<Chunk> {
    const { maxFrameBytes } = this.parts.limits()
    const maxBytes = Math.max(1, maxFrameBytes - DELIVER_RESERVE_BYTES)
    const read = (): Promise<readonly RoomRecord[]> =>
      this.parts.log.readAfter(room, position, { maxRecords: MAX_CHUNK_RECORDS, maxBytes })
    let records = await read()
    // Nothing, though there is a head: what was committed since, by any node, is no gap. Forgotten is what a second look misses.
    const head = records.length === 0 ? (await this.parts.log.head(room)).seq : position
    if (head > position) records = await read()
    const [first] = records
    if (first === undefined)
      return { gap: head > position ? gapTo({ room, epoch }, position, head) : undefined, frames: [] }
    const gap = first.prev > position ? gapTo({ room, epoch }, position, first.prev) : undefined
    const largest = first.body.length + DELIVER_RESERVE_BYTES
    return { gap, frames: encodeDeliverFrames({ room, epoch, records }, Math.max(maxFrameBytes, largest)) }
  }
}

function gapTo(
  { room, epoch }: Pick<RoomMember['feed'], 'room' | 'epoch'>,
  from: Seq,
  to: Seq,
): NonNullable<Chunk['gap']> {
  return { frame: encodePacket({ kind: 'gap', room, epoch, from, to, reason: GapReason.Trimmed }), to }
}
