import { isRepeat, type Appended } from '../../src/log/room-log.js'
import type { RoomRecord } from '../../src/protocol/packets.js'

/** The record that an append wrote. */
export function written(appended: Appended): RoomRecord {
  if (isRepeat(appended)) throw new Error(`nothing was written: it is a repeat of ${appended.seq}`)
  return appended
}
