import { Controller } from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'
import { ChatService, CurrentUser, NESTWIRE_TRANSPORT, type Principal } from 'nestwire'
import { orderOf } from './order-rooms.js'

/** For chat clients: `orders.mine` tells which orders the caller may talk about. */
@Controller()
export class OrdersHandler {
  constructor(private readonly chat: ChatService) {}

  @MessagePattern('orders.mine', NESTWIRE_TRANSPORT)
  async mine(@CurrentUser() caller: Principal): Promise<readonly string[]> {
    const { rooms } = await this.chat.rooms.list()
    const members = await Promise.all(rooms.map(({ room }) => this.chat.rooms.members(room)))
    const isIn = (index: number): boolean => members[index]?.members.some(({ user }) => user === caller.user) ?? false
    return rooms.flatMap(({ room }, index) => (isIn(index) ? [orderOf(room)] : []))
  }
}
