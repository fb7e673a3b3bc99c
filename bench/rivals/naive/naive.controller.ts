/**
 * Chat as it is written first: for each member of the room the message is encoded, put into the member's queue, and
 * written by the member's own writer, one message at a time. Nothing is shared, batched, bounded or logged.
 */
import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import { Message } from '../../../src/chat/message.js'
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import { trustedEpoch, trustedSeq, type RoomId } from '../../../src/protocol/ids.js'
import { RecordKind, type RoomRecord } from '../../../src/protocol/packets.js'
import type { ConnectionHandle, ConnectionObserver } from '../../../src/transport/connection-handle.js'
import { NestwireContext } from '../../../src/transport/nestwire.context.js'

const EPOCH = trustedEpoch(1)

class Member {
  private readonly queue: Buffer[] = []
  private isWriting = false

  constructor(private readonly connection: ConnectionHandle) {}

  send(frame: Buffer): void {
    this.queue.push(frame)
    if (this.isWriting) return
    this.isWriting = true
    setImmediate(() => this.write())
  }

  private write(): void {
    const [frame] = this.queue
    if (frame === undefined) {
      this.isWriting = false
      return
    }
    if (this.connection.offer(frame) !== 'full') this.queue.shift()
    setImmediate(() => this.write())
  }
}

/** All who joined: there is one room. */
export class NaiveRoom implements ConnectionObserver {
  readonly members = new Map<ConnectionHandle, Member>()
  seq = 0

  connectionClosed(connection: ConnectionHandle): void {
    this.members.delete(connection)
  }
}

@Controller()
export class NaiveController {
  constructor(private readonly room: NaiveRoom) {}

  @MessagePattern('rooms.join')
  join(@Payload() { room }: { readonly room: RoomId }, @Ctx() context: NestwireContext): object {
    const connection = context.getConnection()
    this.room.members.set(connection, new Member(connection))
    const seq = trustedSeq(this.room.seq)
    return { room, epoch: EPOCH, seq, role: 'member', members: this.room.members.size }
  }

  @MessagePattern('chat.send')
  send(@Payload() { room, body }: Message, @Ctx() context: NestwireContext): object {
    const principal = context.getPrincipal()
    if (principal === undefined) throw new Error('nobody is logged in')
    const prev = trustedSeq(this.room.seq)
    this.room.seq += 1
    const seq = trustedSeq(this.room.seq)
    const timeMs = Date.now()
    const record: RoomRecord = { kind: RecordKind.Text, seq, prev, timeMs, sender: principal.user, body }
    for (const member of this.room.members.values()) {
      member.send(encodePacket({ kind: 'deliver', room, epoch: EPOCH, records: [record] }))
    }
    return { seq, timeMs }
  }
}
