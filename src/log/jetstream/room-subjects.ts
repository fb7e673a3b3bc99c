/**
 * The subjects of a cluster's rooms. Pure.
 * `<cluster>.log.<room>.<incarnation>` is what the stream keeps, `<cluster>.live.<room>.<incarnation>` what it hands on.
 * `<cluster>.signal.<room>` and `<cluster>.presence` are kept nowhere.
 * A room's name is base64url and an incarnation base 36, so that nothing of a name can act as `*`, `>` or `.`.
 */
import { parseRoomId, type RoomId } from '../../protocol/ids.js'

/** Which of the rooms that had this name one after the other: 48 bits, 0 for the first. */
export type Incarnation = number

export const INCARNATION_BYTES = 6
const MAX_INCARNATION = 2 ** (INCARNATION_BYTES * 8) - 1

export interface RoomOfSubject {
  readonly room: RoomId
  readonly incarnation: Incarnation
}

export class RoomSubjects {
  /** What the stream listens to. */
  readonly allLogs: string
  readonly republish: { readonly src: string; readonly dest: string }
  private readonly logPrefix: string
  private readonly livePrefix: string
  private readonly signalPrefix: string
  /** How many members each node has connected. */
  readonly presence: string

  /** `cluster` is one token of a subject. */
  constructor(cluster: string) {
    this.logPrefix = `${cluster}.log.`
    this.livePrefix = `${cluster}.live.`
    this.signalPrefix = `${cluster}.signal.`
    this.presence = `${cluster}.presence`
    this.allLogs = `${this.logPrefix}*.*`
    this.republish = { src: `${this.logPrefix}>`, dest: `${this.livePrefix}>` }
  }

  log(room: RoomId, incarnation: Incarnation): string {
    return this.logPrefix + tokens(room, incarnation)
  }

  live(room: RoomId, incarnation: Incarnation): string {
    return this.livePrefix + tokens(room, incarnation)
  }

  /** For all incarnations: what is said there is over in a moment. */
  signal(room: RoomId): string {
    return this.signalPrefix + roomToken(room)
  }

  /** `undefined` if it is the log subject of no room. */
  ofLog(subject: string): RoomOfSubject | undefined {
    if (!subject.startsWith(this.logPrefix)) return undefined
    const [token = '', digits = '', ...rest] = subject.slice(this.logPrefix.length).split('.')
    const room = parseRoomId(Buffer.from(token, 'base64url').toString())
    const incarnation = Number.parseInt(digits, 36)
    if (room === undefined || !(incarnation >= 0 && incarnation <= MAX_INCARNATION) || rest.length > 0) return undefined
    return tokens(room, incarnation) === `${token}.${digits}` ? { room, incarnation } : undefined
  }
}

const tokens = (room: RoomId, incarnation: Incarnation): string => `${roomToken(room)}.${incarnation.toString(36)}`

const roomToken = (room: RoomId): string => Buffer.from(room).toString('base64url')
