/** A service of that user that chats: the arguments are the port of a server and a token for a service. */
import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ChatService, NestwireClientModule } from 'nestwire'
import { filter, firstValueFrom } from 'rxjs'

const [port, token] = process.argv.slice(2)

@Module({ imports: [NestwireClientModule.register({ port: Number(port), token, agent: 'news' })] })
class NewsModule {}

const app = await NestFactory.createApplicationContext(NewsModule, { logger: ['error', 'warn'] })
const chat = app.get(ChatService)
await chat.rooms.create('news')
const heard = firstValueFrom(chat.onMessage('news', { after: 0 }).pipe(filter((item) => item.kind === 'text')))
const { seq } = await chat.send('news', 'first')
const item = await heard
console.log(JSON.stringify({ isSame: item.seq === seq, text: item.text }))
await app.close()
