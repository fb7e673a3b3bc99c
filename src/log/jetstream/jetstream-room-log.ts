/**
 * The room log of a cluster: a stream that all nodes append to. Nothing is kept here but what is on its way, where rooms
 * are, and the ids of lately seen messages; the stream decides on order, and whether a message was there before.
 *
 * Appends are refused at once while NATS is away; those on their way keep their place until their outcome is known, or
 * is left open. Records come to members by `follow`, this node's own too.
 */
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'
import { trustedSeq, type Epoch, type RoomId, type Seq, type UserId } from '../../protocol/ids.js'
import type { RoomRecord } from '../../protocol/packets.js'
import { TrustedTime } from '../../trusted-time.js'
import type { LogCounters, LogSize } from '../log-counters.js'
import { LogFault } from '../log-fault.js'
import { RecentIds } from '../recent-ids.js'
import type {
  NewRecord,
  Placed,
  ReadLimit,
  Repeat,
  RoomFollower,
  RoomHead,
  SharedRoomLog,
  Urgency,
} from '../room-log.js'
import { appendId, randomAppendId } from './append-id.js'
import { AppendLines } from './append-lines.js'
import { EndWatch } from './end-watch.js'
import { Followings } from './followings.js'
import { asFault, type LogStream } from './log-stream.js'
import type { KvStateStore } from './kv-state-store.js'
import { HistorySweep } from './history-sweep.js'
import { cannotBeReached } from './nats-link.js'
import { KnownAge } from './known-age.js'
import { RoomHistory } from './room-history.js'
import type { Acknowledgement } from './room-line.js'
import { notes, RoomPlaces, type RoomPlace } from './room-places.js'
import { RoomRemoval } from './room-removal.js'
import { decodeStored, encodeStored } from './stored-record.js'

export interface JetStreamLogParts {
  readonly stream: LogStream
  readonly state: KvStateStore
  readonly settings: Settings
  readonly clock: Clock
  /** Whether this node tidies up the room; of the nodes that are up, one at least must think so. */
  readonly isMine: (room: RoomId) => boolean
}

export class JetStreamRoomLog implements SharedRoomLog {
  readonly isShared = true
  private readonly ids: RecentIds
  private readonly time: TrustedTime
  private readonly lines: AppendLines
  private readonly places: RoomPlaces
  private readonly history: RoomHistory
  private readonly followings: Followings
  private readonly removal: RoomRemoval
  private readonly sweeper: HistorySweep
  private readonly end: EndWatch
  private readonly knownAge: KnownAge
  /** By the append's id: messages that may be sent again before they have an outcome. */
  private readonly underWay = new Map<string, Promise<Placed>>()
  private closing: Promise<void> | undefined

  /** Link and state are closed by whoever opened them, after the log. */
  constructor(private readonly parts: JetStreamLogParts) {
    const { stream, state, settings, clock, isMine } = parts
    this.ids = new RecentIds({
      windowMs: () => settings.current.log.dedupWindowMs,
      maxIds: () => settings.current.log.dedupMaxIds,
      nowMs: () => clock.uptimeMs(),
    })
    this.time = new TrustedTime(clock)
    this.end = new EndWatch({ stream, clock })
    this.knownAge = new KnownAge({ stream, settings, clock })
    this.lines = new AppendLines(stream.link, clock)
    this.history = new RoomHistory({ stream, settings, clock, time: this.time })
    this.followings = new Followings({
      stream,
      clock,
      placeOf: (room) => this.places.of(room),
      seen: (place, { record, messageId }) => {
        this.end.note(record.seq)
        if (messageId !== undefined) this.noteId(place, record.sender, messageId, record)
      },
    })
    this.places = new RoomPlaces(stream, state, (room) => this.followings.renew(room))
    const { lines, places, history } = this
    this.removal = new RoomRemoval({ stream, state, lines, places, history })
    const { removal } = this
    this.sweeper = new HistorySweep({ stream, places, history, removal, settings, clock, isMine })
  }

  append(room: RoomId, record: NewRecord, urgency: Urgency): Promise<Placed> {
    const deletion = this.removal.newIncarnationOf(room)
    if (deletion !== undefined) return deletion.then(() => this.append(room, record, urgency))
    try {
      return this.appendTo(this.places.of(room), record, urgency)
    } catch (error) {
      return Promise.reject(asFault(error))
    }
  }

  repeatOf(room: RoomId, sender: UserId, messageId: Buffer): Promise<Repeat> | undefined {
    // Whoever is refused asks, of names of rooms that never were, too.
    const { epoch, subject } = this.places.look(room)
    const place = this.ids.find({ room: epoch, sender, messageId })
    if (place !== undefined) return Promise.resolve({ isRepeat: true, ...place })
    if (this.underWay.size === 0) return undefined
    return this.underWay.get(appendId(subject, sender, messageId))?.then(({ seq, timeMs }) => {
      return { isRepeat: true, seq, timeMs }
    })
  }

  async readAfter(room: RoomId, after: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    return this.reading(room, (place) => this.history.readAfter(place, after, limit))
  }

  async readBefore(room: RoomId, before: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    return this.reading(room, (place) => this.history.readBefore(place, before, limit))
  }

  async head(room: RoomId): Promise<RoomHead> {
    return this.reading(room, async (place) => {
      // Who is told less than was acknowledged, by whatever node, takes its own position for one that was lost.
      const seq = Math.max(await this.parts.stream.lastByLeader(place.subject), place.known)
      notes(place, seq)
      return { epoch: place.epoch, seq: trustedSeq(seq) }
    })
  }

  async follow(room: RoomId, follower: RoomFollower): Promise<() => void> {
    return this.reading(room, (place) => this.followings.follow(place, follower))
  }

  async trim(room: RoomId, upTo: Seq): Promise<void> {
    await this.reading(room, (place) => this.removal.trim(place, upTo))
  }

  async deleteRoom(room: RoomId, epoch?: Epoch): Promise<void> {
    this.parts.stream.link.refuseWhenAway()
    await this.removal.deleteRoom(room, epoch)
  }

  /** Removes now what is beyond bytes and age in rooms of this node; it happens by itself each minute. */
  sweep(): Promise<void> {
    return this.sweeper.sweep()
  }

  get counters(): LogCounters {
    return this.parts.stream.counters
  }

  get size(): LogSize {
    return { recentIds: this.ids.size, stateEntries: this.parts.state.heldEntries }
  }

  fault(): string | undefined {
    if (this.closing !== undefined) return 'the room log is closed'
    return this.parts.stream.link.fault() ?? this.lines.fault() ?? this.end.fault()
  }

  /** What was appended before gets its outcome first. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private appendTo(place: RoomPlace, record: NewRecord, urgency: Urgency): Promise<Placed> {
    const { sender, id } = record
    const messageId = id?.messageId
    const repeat = messageId === undefined ? undefined : this.repeatOf(place.room, sender, messageId)
    if (repeat !== undefined) return repeat
    if (this.closing !== undefined) throw LogFault.unavailable('the room log is closed')
    if (this.fault() !== undefined) throw cannotBeReached()
    // The stream knows ids for longer than the window; beyond it the first try may be there unknown.
    if ((id?.ageMs ?? 0) > this.knownAge.maxMs) throw LogFault.outcomeUnknown()
    const key = messageId === undefined ? randomAppendId() : appendId(place.subject, sender, messageId)
    const timeMs = this.parts.clock.now()
    // A clock that jumped is doubted from its first record on.
    this.time.now()
    const payload = encodeStored(record, timeMs, urgency)
    const startedAtMs = performance.now()
    const placed = this.lines
      .append({ subject: place.subject, id: key, payload })
      .then((ack) => {
        this.counters.appendSeconds.observe((performance.now() - startedAtMs) / 1000)
        return this.placed(place, ack, { payload, timeMs })
      })
      .then((at) => {
        if (messageId !== undefined) this.noteId(place, sender, messageId, at)
        return at
      })
    if (messageId === undefined) return placed
    const settled = placed.finally(() => this.underWay.delete(key))
    this.underWay.set(key, settled)
    return settled
  }

  private placed(place: RoomPlace, ack: Acknowledgement, own: OwnTry): Placed | Promise<Placed> {
    const seq = trustedSeq(ack.seq)
    notes(place, seq)
    this.end.note(seq)
    return ack.isDuplicate ? this.repeated(ack, own) : { isRepeat: false, seq, timeMs: own.timeMs }
  }

  /** The stream had it: by a client's repeat, or by our own try whose acknowledgement did not come. */
  private async repeated({ seq, wasSentAgain }: Acknowledgement, { payload, timeMs }: OwnTry): Promise<Placed> {
    const at = trustedSeq(seq)
    // It may have been trimmed, or NATS may be away again: then our own time is as good as any.
    const original = await this.parts.stream.stored(seq).catch(() => undefined)
    if (original === undefined) return { isRepeat: !wasSentAgain, seq: at, timeMs }
    if (wasSentAgain && payload.equals(original.payload)) return { isRepeat: false, seq: at, timeMs }
    return { isRepeat: true, seq: at, timeMs: decodeStored(original.payload, at, at)?.record.timeMs ?? timeMs }
  }

  private noteId(place: RoomPlace, sender: UserId, messageId: Buffer, { seq, timeMs }: Pick<Placed, 'seq' | 'timeMs'>) {
    const known = this.ids.find({ room: place.epoch, sender, messageId })
    if (known === undefined) this.ids.addSought({ seq, timeMs })
  }

  private async reading<Result>(room: RoomId, read: (place: RoomPlace) => Promise<Result>): Promise<Result> {
    await this.removal.newIncarnationOf(room)
    this.parts.stream.link.refuseWhenAway()
    try {
      return await read(this.places.of(room))
    } catch (error) {
      throw asFault(error)
    }
  }

  private async shutDown(): Promise<void> {
    await this.removal.settled()
    await this.sweeper.close()
    await this.lines.close()
    this.followings.close()
    this.end.close()
    this.knownAge.close()
    this.history.close()
    this.places.close()
  }
}

interface OwnTry {
  readonly payload: Buffer
  readonly timeMs: number
}
