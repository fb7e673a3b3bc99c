/** Methods without written types, around all that the library gives: with `declaration` the compiler must find a name for each. */
import { Injectable } from '@nestjs/common'
import type { NestwireContext, RoomItem } from 'nestwire'
import { ChatService, NestwireClient, NestwireHealthIndicator, NestwireServer } from 'nestwire'

@Injectable()
export class Chat {
  constructor(
    private readonly chat: ChatService,
    private readonly nestwire: NestwireHealthIndicator,
  ) {}
  send(room: string) {
    return this.chat.send(room, 'text')
  }
  history(room: string) {
    return this.chat.history(room)
  }
  records(room: string) {
    return this.chat.records(room)
  }
  messages(room: string) {
    return this.chat.messages(room)
  }
  items(room: string) {
    return this.chat.onMessage(room)
  }
  work(room: string) {
    return this.chat.onMessage(room, (item) => item)
  }
  presence(room: string) {
    return this.chat.onPresence(room)
  }
  signals(room: string) {
    return this.chat.onSignal(room)
  }
  ping() {
    return this.chat.ping()
  }
  async check() {
    return this.nestwire.check('chat', this.chat)
  }
  async rooms(room: string) {
    const { rooms } = this.chat
    const signal = rooms.signal(room, 'typing')
    return {
      created: await rooms.create(room),
      info: await rooms.info(room),
      listed: await rooms.list(),
      members: await rooms.members(room),
      joined: await rooms.join(room),
      left: await rooms.leave(room),
      kicked: await rooms.kick(room, 'bob'),
      banned: await rooms.ban(room, 'bob'),
      unbanned: await rooms.unban(room, 'bob'),
      signal: await signal,
    }
  }
  // Fields, as a user picks them out: the ids have types of their own.
  async pick(room: string) {
    const { seq } = await this.chat.send(room, 'text')
    const page = await this.chat.history(room)
    const info = await this.chat.rooms.info(room)
    return { seq, room: page.room, epoch: page.epoch, items: page.items, owner: info.owner }
  }
  describe(item: RoomItem) {
    return item.kind === 'gap' ? { reason: item.reason, room: item.room } : { sender: item.sender, seq: item.seq }
  }
}

@Injectable()
export class Transport {
  constructor(
    private readonly client: NestwireClient,
    private readonly server: NestwireServer,
  ) {}
  call() {
    return this.client.send<number>('sum', [])
  }
  stream() {
    return this.client.stream<number>('sums', [])
  }
  follow(room: string) {
    return this.client.follow(room)
  }
  figures() {
    return { pool: this.client.pool, status: this.client.status }
  }
  ping() {
    return this.client.ping(100)
  }
  connections() {
    return [...this.server.connections]
  }
  caller(context: NestwireContext) {
    const connection = context.getConnection()
    return {
      connection,
      id: connection.id,
      grant: connection.grant,
      figures: connection.figures,
      metadata: context.getMetadata(),
      principal: context.getPrincipal(),
      priority: context.getPriority(),
      fields: context.getLogFields(),
    }
  }
}
