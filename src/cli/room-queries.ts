/** What the chat command asks a server beside messages, read with care: the other side may be of another version. */
import type { ChatClient } from '../client/chat-client.js'

export interface RoomCounts {
  readonly members: number
  readonly online: number
}
interface MemberInfo {
  readonly user: string
  readonly online: boolean
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** `undefined` if `data` is not `{ room, members, online }` of this room. */
export function toRoomCounts(data: unknown, room: string): RoomCounts | undefined {
  if (!isMap(data) || data['room'] !== room) return undefined
  const { members, online } = data
  return typeof members === 'number' && typeof online === 'number' ? { members, online } : undefined
}

export async function readRoomCounts(client: ChatClient, room: string): Promise<RoomCounts | undefined> {
  return toRoomCounts(await client.request('rooms.info', { room }), room)
}

/** The first page of members: enough for a terminal. */
export async function readMembers(client: ChatClient, room: string): Promise<MemberInfo[]> {
  const reply = await client.request('rooms.members', { room })
  const members: unknown[] = isMap(reply) && Array.isArray(reply['members']) ? reply['members'] : []
  return members.filter(isMap).map(({ user, online }) => ({ user: String(user), online: online === true }))
}
