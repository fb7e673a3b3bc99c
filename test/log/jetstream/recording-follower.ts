/** What one follower of a room was told, in order. */
import type { RoomFollower, SharedRoomLog } from '../../../src/log/room-log.js'
import type { Epoch, RoomId } from '../../../src/protocol/ids.js'

export class RecordingFollower implements RoomFollower {
  readonly told: string[] = []
  /** The last seq of which it knows. */
  position = 0
  /** Of the last restart. */
  epoch: Epoch | undefined

  committed: RoomFollower['committed'] = ({ seq, prev, body }, urgency) => {
    this.told.push(`${body.toString()} ${urgency}${prev === this.position ? '' : ' after a gap'}`)
    this.position = seq
  }

  reaches: RoomFollower['reaches'] = (seq) => {
    this.told.push('more')
    this.position = seq
  }

  restarted: RoomFollower['restarted'] = (epoch) => {
    this.told.push('restarted')
    this.epoch = epoch
    this.position = 0
  }
}

/**
 * What is appended from then on, by whichever node, comes to the follower record by record. Right after `follow` the
 * first look at the room's end is still on its way, and could tell of it instead; answers come in order.
 */
export async function followLive(log: SharedRoomLog, room: RoomId, follower: RoomFollower): Promise<void> {
  await log.follow(room, follower)
  await log.head(room)
}
