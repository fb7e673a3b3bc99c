/**
 * Where each room's log is: the subject of the incarnation that counts, its epoch, and how far it is known to go. Follows
 * the marks in the state: a room whose incarnation is another gets another place, and `renewed` tells of each new mark,
 * of rooms that have no place here, too: whoever follows one may have got its place before that was let go.
 */
import { parseRoomId, type Epoch, type RoomId } from '../../protocol/ids.js'
import type { KvStateStore } from './kv-state-store.js'
import type { LogStream } from './log-stream.js'
import { decodeMark, epochOf, type RoomMark } from './room-mark.js'
import type { Incarnation } from './room-subjects.js'

/** A place that was let go is made again from the mark; what is lost is how far the room was known to go. */
const MAX_PLACES = 200_000

export interface RoomPlace {
  readonly room: RoomId
  readonly incarnation: Incarnation
  /** Of the log. */
  readonly subject: string
  readonly live: string
  readonly epoch: Epoch
  /** Records up to here exist for sure: they were acknowledged to this node, or it saw them. Only grows. */
  known: number
  /** Records up to here are not shown. */
  floor: number
  /** Records up to here are too old, and so is all before them: not shown either. Only grows. */
  expired: number
  /** Nothing more has expired before records of this time do. `-Infinity`: not known. */
  expiresAgainMs: number
}

/** Records up to here are not shown. */
export const hiddenIn = ({ floor, expired }: RoomPlace): number => Math.max(floor, expired)

export class RoomPlaces {
  private readonly places = new Map<RoomId, RoomPlace>()
  private readonly stopWatching: () => void

  constructor(
    private readonly stream: Pick<LogStream, 'subjects' | 'createdMs'>,
    private readonly state: Pick<KvStateStore, 'current' | 'latest' | 'watch'>,
    private readonly renewed: (room: RoomId) => void,
    private readonly maxPlaces = MAX_PLACES,
  ) {
    this.stopWatching = state.watch(({ key: [table, name] }) => {
      const room = table === 'epoch' && name !== undefined ? parseRoomId(name) : undefined
      if (room !== undefined) this.renew(room)
    })
  }

  of(room: RoomId): RoomPlace {
    return this.places.get(room) ?? this.keep(this.make(room))
  }

  /** As `of`, and keeps nothing: for names of rooms that may not be. */
  look(room: RoomId): RoomPlace {
    return this.places.get(room) ?? this.make(room)
  }

  markOf(room: RoomId): RoomMark {
    return decodeMark(this.state.current(['epoch', room]))
  }

  /** By what the leader of the state says now, not by what this node has heard. Rejects with `LogFault`. */
  async isCurrent(room: RoomId, incarnation: Incarnation): Promise<boolean> {
    return decodeMark(await this.state.latest(['epoch', room])).incarnation === incarnation
  }

  /** The mark of the room may be another one. */
  renew(room: RoomId): void {
    const place = this.places.get(room)
    const { incarnation, floor } = this.markOf(room)
    if (place?.incarnation === incarnation) {
      place.floor = floor
      place.expiresAgainMs = -Infinity
    } else this.places.delete(room)
    this.renewed(room)
  }

  close(): void {
    this.stopWatching()
  }

  private make(room: RoomId): RoomPlace {
    const { incarnation, floor } = this.markOf(room)
    const { subjects, createdMs } = this.stream
    const subject = subjects.log(room, incarnation)
    const [live, epoch] = [subjects.live(room, incarnation), epochOf(subject, createdMs)]
    const fresh = { known: 0, expired: 0, expiresAgainMs: -Infinity }
    return { room, incarnation, subject, live, epoch, floor, ...fresh }
  }

  private keep(place: RoomPlace): RoomPlace {
    const [oldest] = this.places.keys()
    if (oldest !== undefined && this.places.size >= this.maxPlaces) this.places.delete(oldest)
    this.places.set(place.room, place)
    return place
  }
}

/** Notes that a record is there. */
export function notes(place: RoomPlace, seq: number): void {
  if (seq > place.known) place.known = seq
}
