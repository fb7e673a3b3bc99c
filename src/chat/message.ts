import type { RoomId } from '../protocol/ids.js'

/** A chat message that was parsed already. The body may be a view of the chunk that it was read in. */
export class Message {
  constructor(
    readonly room: RoomId,
    readonly body: Buffer,
  ) {}
}
