/** A Nest microservice of a user of the package: `nestwire` is what is installed, no file of this repository. */
import 'reflect-metadata'
import type { AddressInfo, Server } from 'node:net'
import { Controller, Module, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices'
import {
  ErrorCode,
  NestwireDrainModule,
  NestwireException,
  NestwireServer,
  PayloadPipe,
  type NestwireContext,
} from 'nestwire'
import { range, type Observable } from 'rxjs'
import { z } from 'zod'

const Sum = z.object({ a: z.number(), b: z.number() })

class OnlyTraced implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { trace } = context.switchToRpc().getContext<NestwireContext>().getMetadata() ?? {}
    if (trace === undefined) throw new NestwireException(ErrorCode.Forbidden, 'no trace')
    return true
  }
}

@Controller()
class SumsController {
  private events = 0

  @MessagePattern('sum')
  sum(@Payload(new PayloadPipe(Sum)) { a, b }: z.output<typeof Sum>): number {
    return a + b
  }
  @MessagePattern('range')
  range(@Payload() count: number): Observable<number> {
    return range(0, count)
  }
  @MessagePattern('traced')
  @UseGuards(OnlyTraced)
  traced(@Ctx() context: NestwireContext): string {
    return context.getPattern()
  }
  @EventPattern('happened')
  happened(_data: unknown): void {
    this.events += 1
  }
  @MessagePattern('events')
  count(): number {
    return this.events
  }
}

@Module({ controllers: [SumsController] })
class AppModule {}

const server = new NestwireServer({ port: 0 })
const app = await NestFactory.createMicroservice(NestwireDrainModule.around(AppModule, server), {
  strategy: server,
  logger: ['error', 'warn'],
})
app.enableShutdownHooks()
await app.listen()
const { port } = app.unwrap<Server>().address() as AddressInfo
console.log(`listening on ${port}`)
