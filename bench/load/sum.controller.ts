/** The one handler of the rpc suite: the same class behind every transport. */
import { Controller } from '@nestjs/common'
import { MessagePattern, Payload } from '@nestjs/microservices'

export interface SumRequest {
  readonly data: readonly number[]
  readonly text: string
}

export const SUM_REQUEST: SumRequest = { data: [1, 2, 3, 4, 5], text: 'x'.repeat(64) }
export const SUM_ANSWER = 15

@Controller()
export class SumController {
  @MessagePattern('sum')
  sum(@Payload() { data }: SumRequest): number {
    let sum = 0
    for (const each of data) sum += each
    return sum
  }
}
