/**
 * By what the stream knows a record that comes again, ours or the client's: `Nats-Msg-Id`. Pure.
 * The stream knows ids of all rooms and senders together, so each is a hash of all three: nobody can suppress the
 * message of somebody else, or of the room that has the name later.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { UserId } from '../../protocol/ids.js'

/** Of base64url: 144 bits. */
const ID_CHARS = 24

/** `subject` names room and incarnation; neither it nor a user name has U+0000. */
export const appendId = (subject: string, sender: UserId, messageId: Buffer): string =>
  createHash('sha256').update(`${subject}\0${sender}\0`).update(messageId).digest('base64url').slice(0, ID_CHARS)

/** For a record that only we send again. */
export const randomAppendId = (): string => randomBytes((ID_CHARS * 3) / 4).toString('base64url')
