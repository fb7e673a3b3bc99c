/** The handlers of the rpc suite: the same class behind every transport. */
import { Controller, Injectable, UseGuards, type CanActivate } from '@nestjs/common'
import { MessagePattern, Payload } from '@nestjs/microservices'
import { from, type Observable } from 'rxjs'
import { z } from 'zod'
import { PayloadPipe } from '../../src/transport/payload.pipe.js'

export interface SumRequest {
  readonly data: readonly number[]
  readonly text: string
}

const DATA = [1, 2, 3, 4, 5]
/** The body of a call, by its size as JSON, in bytes. */
export const sumRequests = {
  100: { data: DATA, text: 'x'.repeat(64) },
  16384: { data: DATA, text: 'x'.repeat(16 * 1024 - 36) },
} as const satisfies Record<number, SumRequest>
export const SUM_ANSWER = 15

export const STREAM_ITEMS = 1000
const items: readonly SumRequest[] = Array.from({ length: STREAM_ITEMS }, () => sumRequests[100])

const sumRequest = z.object({ data: z.array(z.number().int()).max(64), text: z.string().max(65_536) })
export const sumPipe = new PayloadPipe(sumRequest)

@Injectable()
export class OpenGuard implements CanActivate {
  canActivate(): boolean {
    return true
  }
}

@Controller()
export class RpcController {
  @MessagePattern('sum')
  sum(@Payload() { data }: SumRequest): number {
    let sum = 0
    for (const each of data) sum += each
    return sum
  }

  @UseGuards(OpenGuard)
  @MessagePattern('checkedSum')
  checkedSum(@Payload(sumPipe) request: SumRequest): number {
    return this.sum(request)
  }

  @MessagePattern('items')
  items(): Observable<SumRequest> {
    return from(items)
  }
}
