/** Items of a room as programs and as people read them. Pure. */
import type { EndReason } from '../client/room-feed.js'
import type { GapCause, LeaveItem, RoomItem } from '../client/room-items.js'
import { unreachable } from '../unreachable.js'
import { toJsonLine } from './json-text.js'
import type { Color, Paint } from './paint.js'
import { printable } from './printable.js'

/** One line of JSON an item; `text` stands for the body. */
export function jsonLine(room: string, item: RoomItem): string {
  if (item.kind !== 'text') return toJsonLine({ room, ...item })
  const { body: _, ...text } = item
  return toJsonLine({ room, ...text })
}

interface LineStyle {
  readonly paint: Paint
  /** Whose messages are marked as own. */
  readonly self: string | undefined
}

const leaveWords: Readonly<Record<LeaveItem['reason'], string>> = {
  left: 'left',
  kicked: 'was removed',
  banned: 'was banned',
}
const gapWords: Readonly<Record<GapCause, string>> = {
  trimmed: 'older messages are no longer kept',
  epochChanged: 'the room was begun anew or restored',
  aheadOfLog: 'the server lost messages that were seen here',
  unavailable: 'some messages could not be read',
}

/** `12:34 alice  hello`, without a line break. */
export function humanLine(item: RoomItem, { paint, self }: LineStyle): string {
  switch (item.kind) {
    case 'text':
      return `${paint('dim', clockTime(item.timeMs))} ${nameOf(item.sender, paint, self)} ${printable(item.text)}`
    case 'join':
      return paint('dim', `${clockTime(item.timeMs)} → ${joinedName(item.sender, item.username)} joined`)
    case 'leave':
      return paint('dim', `${clockTime(item.timeMs)} ← ${printable(item.sender)} ${leaveWords[item.reason]}`)
    case 'gap':
      return paint('dim', `      ⋯ ${gapWords[item.reason]}`)
  }
  return unreachable(item)
}

/** What to say to somebody who is in the room no more and did not ask for it; `undefined` for all other ends. */
export function removalNote(reason: EndReason | undefined): string | undefined {
  if (reason === 'kicked' || reason === 'banned') return `you were ${reason}`
  return reason === 'notAMember' ? 'you are no longer in the room' : undefined
}

/** Hours and minutes where the reader is. */
const clockTime = (timeMs: number): string => new Date(timeMs).toTimeString().slice(0, 5)

const joinedName = (user: string, username: string): string =>
  user === username ? printable(user) : `${printable(username)} (${printable(user)})`

const nameColors: readonly Color[] = ['cyan', 'green', 'magenta', 'yellow', 'blue', 'red']

/** A colour of its own for each name, the same in every session; one's own is bold and marked. */
function nameOf(user: string, paint: Paint, self: string | undefined): string {
  if (user === self) return paint('bold', `${printable(user)} (you):`)
  const hash = Buffer.from(user).reduce((sum, byte) => (sum * 31 + byte) % 65_521, 7)
  return paint(nameColors[hash % nameColors.length] ?? 'cyan', `${printable(user)}:`)
}
