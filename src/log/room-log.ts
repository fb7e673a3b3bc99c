/**
 * The room log is the truth: what it returned is committed, and only then delivered, acknowledged or readable.
 * One port, several engines; every engine passes `test/contracts/room-log.contract.ts`. What fails rejects with a `LogFault`.
 */
import type { Epoch, RoomId, Seq, UserId } from '../protocol/ids.js'
import type { RecordKind, RoomRecord } from '../protocol/packets.js'

/** By what a repeat of a message is known beside its room and sender. */
export interface MessageIdentity {
  /** 16 random bytes of the sender's. Owned by the log from here on, like the body. */
  readonly messageId: Buffer
  /** How long ago it was sent for the first time; absent: this is the first time. */
  readonly ageMs?: number
}

export interface NewRecord {
  readonly kind: RecordKind
  readonly sender: UserId
  /** Owned by the log from here on: must not be a view that somebody else still writes to. */
  readonly body: Buffer
  /** Absent: nobody will send it again. */
  readonly id?: MessageIdentity | undefined
}

/** What an append comes to when the message was appended before: where it stands, and nothing was written. */
export interface Repeat {
  readonly isRepeat: true
  readonly seq: Seq
  readonly timeMs: number
}

export type Appended = RoomRecord | Repeat
export const isRepeat = (appended: Appended): appended is Repeat => 'isRepeat' in appended

/** Where a room stands: `seq` 0 for a room without records. */
export interface RoomHead {
  readonly epoch: Epoch
  readonly seq: Seq
}

export interface ReadLimit {
  readonly maxRecords: number
  /** Of bodies alone. */
  readonly maxBytes: number
}

/** Who is told how a room's log goes on, whoever appends to it. */
export interface RoomFollower {
  /** The next committed record. If its `prev` is not the last that was told, some were missed. */
  committed(record: RoomRecord, urgency: Urgency): void
  /** The log goes to `seq` at least; what was not told can be read. */
  reaches(seq: Seq): void
  /** The room was deleted, by whomever, and begins anew: another epoch, position 0. What is told later is of that one. */
  restarted(epoch: Epoch): void
}

/** How a record was let in. `degraded`: of normal urgency, and there was room only in the low lane. */
export type Urgency = 'high' | 'normal' | 'degraded' | 'low'

/** Where a message stands. */
export interface Placed {
  /** It was appended before, and nothing was written. */
  readonly isRepeat: boolean
  readonly seq: Seq
  readonly timeMs: number
}

/** What is in the log, and what is taken out of it. */
export interface RoomLog {
  /** What `append` would answer to a repeat; `undefined` if the id is not known, after less than 1 µs. */
  repeatOf(room: RoomId, sender: UserId, messageId: Buffer): Promise<Repeat> | undefined
  /** Committed records with `seq > after`, ascending; at least one if there is any, whatever `maxBytes`. */
  readAfter(room: RoomId, after: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]>
  /** Committed records with `seq < before`, ascending: the newest that fit the limit. */
  readBefore(room: RoomId, before: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]>
  /** The last committed position, whichever node committed it. A room nobody wrote to yet has one too. */
  head(room: RoomId): Promise<RoomHead>
  /** Forgets records with `seq <= upTo`; never the position. */
  trim(room: RoomId, upTo: Seq): Promise<void>
  /** Forgets the room, if it is still in `epoch` where that is given; a later one of that name has another epoch. */
  deleteRoom(room: RoomId, epoch?: Epoch): Promise<void>
  /** Why appends would fail now, or `undefined`; readiness asks. */
  fault(): string | undefined
  close(): Promise<void>
}

/** An engine that one process appends to. */
export interface RoomLogEngine extends RoomLog {
  /**
   * Resolves once the record is committed. Calls for one room resolve in call order, with `seq` strictly growing.
   * A repeat resolves with what the first came to, and shares its failure. One of an id that is not known is refused
   * with OUTCOME_UNKNOWN if the first may have been forgotten.
   */
  append(room: RoomId, record: NewRecord): Promise<Appended>
  /** Whether what a failed commit came to is still open: `head` may not know yet how far the log goes. */
  isInDoubt(): boolean
}

/** How a log is written to, and what is written heard of, by however many processes do so. */
export interface RoomJournal {
  /**
   * Other processes append, too, and a follower hears of all alike. Where it is false, a record is told to nobody but who
   * followed the room when `append` was called.
   */
  readonly isShared: boolean
  /** As `RoomLogEngine.append`; the record itself comes to those who follow the room. */
  append(room: RoomId, record: NewRecord, urgency: Urgency): Promise<Placed>
  /**
   * Resolves when all that is committed from then on will be told; what is missed on the way is noticed and told by
   * `reaches`. Returns what ends it.
   */
  follow(room: RoomId, follower: RoomFollower): Promise<() => void>
}

/** An engine that several nodes append to. */
export interface SharedRoomLog extends RoomLog, RoomJournal {}
