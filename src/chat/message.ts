import type { MessageIdentity } from '../log/room-log.js'
import type { RoomId } from '../protocol/ids.js'

/** A chat message that was parsed already. Body and id may be views of the chunk that they were read in. */
export class Message {
  constructor(
    readonly room: RoomId,
    readonly body: Buffer,
    /** `undefined`: nobody will send it again. */
    readonly id?: MessageIdentity,
  ) {}
}
