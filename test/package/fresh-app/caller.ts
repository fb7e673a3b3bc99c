/** Another service of that user: calls the first one, whose port is the argument, and prints what it got. */
import 'reflect-metadata'
import { Inject, Injectable, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientsModule } from '@nestjs/microservices'
import { NestwireClient, type CodedError } from 'nestwire'
import { catchError, lastValueFrom, of, toArray } from 'rxjs'

const port = Number(process.argv[2])

@Injectable()
class Sums {
  constructor(@Inject('SUMS') private readonly client: NestwireClient) {}

  sum(a: number, b: unknown): Promise<number | string> {
    return lastValueFrom(
      this.client.send<number>('sum', { a, b }).pipe(catchError((error: CodedError) => of(error.code))),
    )
  }
  range(count: number): Promise<number[]> {
    return lastValueFrom(this.client.send<number>('range', count).pipe(toArray()))
  }
  traced(): Promise<string> {
    this.client.setOnDispatchHook((packet) => (packet.metadata = { trace: 't' }))
    return lastValueFrom(this.client.send<string>('traced', 0))
  }
  async events(): Promise<number> {
    await lastValueFrom(this.client.emit('happened', 1), { defaultValue: undefined })
    return lastValueFrom(this.client.send<number>('events', 0))
  }
}

@Module({
  imports: [ClientsModule.register([{ name: 'SUMS', customClass: NestwireClient, options: { port } }])],
  providers: [Sums],
})
class CallerModule {}

const app = await NestFactory.createApplicationContext(CallerModule, { logger: ['error', 'warn'] })
const sums = app.get(Sums)
console.log(
  JSON.stringify([
    await sums.sum(1, 2),
    await sums.sum(1, 'two'),
    await sums.range(3),
    await sums.traced(),
    await sums.events(),
  ]),
)
await app.close()
