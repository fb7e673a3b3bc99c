/** Why a membership has ended, in the one byte that records and entries of the store have for it. Pure. */
import { LeaveReason } from '../protocol/packets.js'
import type { LeftReason } from './rooms.contract.js'

const leaveReasons = {
  left: LeaveReason.Left,
  kicked: LeaveReason.Kicked,
  banned: LeaveReason.Banned,
} as const satisfies Record<LeftReason, LeaveReason>

const names = new Map<number | undefined, LeftReason>([
  [LeaveReason.Kicked, 'kicked'],
  [LeaveReason.Banned, 'banned'],
])

export const encodeLeftReason = (reason: LeftReason): Buffer => Buffer.of(leaveReasons[reason])

/** Nothing, and what a later version may have written, counts as `left`. */
export const decodeLeftReason = (note: Buffer | undefined): LeftReason => names.get(note?.[0]) ?? 'left'
