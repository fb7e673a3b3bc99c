/** A server without chat or login, whose handlers do what handlers should not. */
import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload, RpcException } from '@nestjs/microservices'
import { range, type Observable } from 'rxjs'
import { map } from 'rxjs/operators'
import type { CompactRoute } from '../../src/transport/compact-route.js'
import { NestwireContext } from '../../src/transport/nestwire.context.js'
import type { TransportLimits } from '../../src/transport/transport-limits.js'
import { startTransport, type TransportHarness } from '../support/transport-harness.js'

@Controller()
class WayOutController {
  @MessagePattern('never')
  never(): Promise<never> {
    return new Promise(() => undefined)
  }
  @MessagePattern('elsewhere')
  elsewhere(@Payload() _nothing: unknown, @Ctx() context: NestwireContext): void {
    context.getConnection().redirect('chat-2.example.org:7420')
  }
  @MessagePattern('refuse')
  refuse(): never {
    throw new RpcException('no')
  }
  @MessagePattern('too-big')
  tooBig(): Buffer {
    return Buffer.alloc(100_000)
  }
  @MessagePattern('torrent')
  torrent(): Observable<Buffer> {
    return range(0, 100).pipe(map(() => Buffer.alloc(10_000)))
  }
}

/** A bug in the server that a packet reaches: JOIN is taken for `never`, and cannot be turned into its payload. */
const brokenJoin: CompactRoute<'join'> = {
  packet: 'join',
  pattern: 'never',
  toPayload() {
    throw new TypeError('a bug of the application')
  },
  toReply: () => Buffer.alloc(0),
}

export const startWayOut = (limits: Partial<TransportLimits> = {}): Promise<TransportHarness> =>
  startTransport({ limits, module: { controllers: [WayOutController] }, compactRoutes: [brokenJoin] })
