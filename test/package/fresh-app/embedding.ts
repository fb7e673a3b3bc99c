/** An application of that user with the whole chat server in it. */
import 'reflect-metadata'
import type { AddressInfo } from 'node:net'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { NestwireServer } from 'nestwire'
import { NestwireModule } from 'nestwire/server'
import { NewsPolicy } from './news.policy.js'

const settings = { NESTWIRE_PORT: 0, NESTWIRE_LOG_ENGINE: 'memory' }

@Module({ imports: [NestwireModule.forRoot({ settings, roomPolicy: NewsPolicy })] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
app.connectMicroservice({
  inject: [NestwireServer],
  useFactory: (server: NestwireServer) => ({ strategy: server }),
})
app.enableShutdownHooks()
await app.init()
await app.startAllMicroservices()
const { port } = app.get(NestwireServer).unwrap().address() as AddressInfo
console.log(`listening on ${port}`)
