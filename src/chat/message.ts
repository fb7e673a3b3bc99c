import type { RoomId } from '../protocol/ids.js'

/** By what a repeat of a message is known: the sender's own id for it, 16 bytes. */
export interface MessageIdentity {
  readonly messageId: Buffer
  /** How long ago it was sent for the first time; absent = this is the first time. */
  readonly ageMs?: number
}

/** A chat message that was parsed already. Body and id may be views of the chunk that they were read in. */
export class Message {
  constructor(
    readonly room: RoomId,
    readonly body: Buffer,
    /** `undefined`: nobody will send it again. */
    readonly id?: MessageIdentity,
  ) {}
}
