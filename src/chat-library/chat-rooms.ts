/** `ChatService.rooms`: making rooms and looking after them. What each call refuses: `docs/PATTERNS.md`. */
import type {
  ChangeReply,
  CreateReply,
  InfoReply,
  JoinReply,
  ListReply,
  MembersReply,
  SignalReply,
} from '../rooms/rooms.contract.js'
import type { CallDeadline, ContractCalls } from './contract-calls.js'

export interface NamePage extends CallDeadline {
  /** The last name of the page before. */
  readonly after?: string
  /** At most 100 rooms or 200 members; as many by default. */
  readonly limit?: number
}

export class ChatRooms {
  constructor(private readonly calls: ContractCalls) {}

  /** The service becomes owner and first member. Not repeated after a lost connection, which leaves its outcome open. */
  create(room: string, options?: CallDeadline): Promise<CreateReply> {
    return this.calls.call('rooms.create', { room }, options)
  }

  /** Makes the service a member. Who listens joins by itself. */
  join(room: string, options?: CallDeadline): Promise<JoinReply> {
    return this.calls.call('rooms.join', { room }, options)
  }

  /** Ends the membership on all connections, and what listens to the room completes. */
  leave(room: string, options?: CallDeadline): Promise<ChangeReply> {
    return this.calls.call('rooms.leave', { room }, options)
  }

  info(room: string, options?: CallDeadline): Promise<InfoReply> {
    return this.calls.call('rooms.info', { room }, options)
  }

  /** One page of the rooms, by name; `more` says whether it was the last. */
  list({ deadlineMs, ...page }: NamePage = {}): Promise<ListReply> {
    return this.calls.call('rooms.list', page, { deadlineMs })
  }

  /** One page of the members, by user. */
  members(room: string, { deadlineMs, ...page }: NamePage = {}): Promise<MembersReply> {
    return this.calls.call('rooms.members', { room, ...page }, { deadlineMs })
  }

  /** The user may join again. */
  kick(room: string, user: string, options?: CallDeadline): Promise<ChangeReply> {
    return this.calls.call('rooms.kick', { room, user }, options)
  }

  ban(room: string, user: string, options?: CallDeadline): Promise<ChangeReply> {
    return this.calls.call('rooms.ban', { room, user }, options)
  }

  unban(room: string, user: string, options?: CallDeadline): Promise<ChangeReply> {
    return this.calls.call('rooms.unban', { room, user }, options)
  }

  /** Told in passing to who is connected, at most once, never stored. `data`: up to 1,024 bytes of MessagePack. */
  signal(room: string, name: string, data?: unknown, options?: CallDeadline): Promise<SignalReply> {
    const payload = data === undefined ? { room, name } : { room, name, data }
    return this.calls.call('rooms.signal', payload, options)
  }
}
