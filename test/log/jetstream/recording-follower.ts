/** What one follower of a room was told, in order. */
import type { RoomFollower } from '../../../src/log/room-log.js'

export class RecordingFollower implements RoomFollower {
  readonly told: string[] = []
  /** The last seq of which it knows. */
  position = 0

  committed: RoomFollower['committed'] = ({ seq, prev, body }, urgency) => {
    this.told.push(`${body.toString()} ${urgency}${prev === this.position ? '' : ' after a gap'}`)
    this.position = seq
  }

  reaches: RoomFollower['reaches'] = (seq) => {
    this.told.push('more')
    this.position = seq
  }
}
