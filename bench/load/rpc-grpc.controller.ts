/** What `RpcController` does, as gRPC wants it: named by a service, answers as messages. */
import { Controller, UseGuards } from '@nestjs/common'
import { GrpcMethod, Payload } from '@nestjs/microservices'
import type { Observable } from 'rxjs'
import { OpenGuard, RpcController, sumPipe, type SumRequest } from './rpc.controller.js'

export const GRPC_PACKAGE = 'bench'
export const GRPC_SERVICE = 'Rpc'

export interface SumAnswer {
  readonly value: number
}

@Controller()
export class RpcGrpcController {
  private readonly controller = new RpcController()

  @GrpcMethod(GRPC_SERVICE)
  sum(@Payload() request: SumRequest): SumAnswer {
    return { value: this.controller.sum(request) }
  }

  @UseGuards(OpenGuard)
  @GrpcMethod(GRPC_SERVICE)
  checkedSum(@Payload(sumPipe) request: SumRequest): SumAnswer {
    return { value: this.controller.checkedSum(request) }
  }

  @GrpcMethod(GRPC_SERVICE)
  items(): Observable<SumRequest> {
    return this.controller.items()
  }
}
