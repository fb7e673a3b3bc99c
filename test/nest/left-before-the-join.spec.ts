/** Who stops to listen while the join is on its way. */
import { ChatService, NestwireClient, type RoomItem } from 'nestwire'
import type { Observable } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { answerHistory, settled } from '../client/chat-harness.js'
import { deliver, joined, ScriptedServer, texts, type ServedConnection } from '../client/scripted-server.js'
import { clientOf } from './nest-apps.js'

function watch(items: Observable<RoomItem>) {
  const seqs: number[] = []
  const subscription = items.subscribe((item) => seqs.push(item.kind === 'gap' ? -1 : item.seq))
  onTestFinished(() => subscription.unsubscribe())
  return { seqs, stop: () => subscription.unsubscribe() }
}

async function chatOnAServer() {
  const server = await ScriptedServer.start()
  const chat = new ChatService({ port: server.port, token: 'token', random: () => 0 })
  onTestFinished(() => chat.close())
  return { server, chat }
}

const answerJoin = async (served: ServedConnection, seq: number): Promise<void> =>
  served.send(joined((await served.expect('join')).correlation, seq))

test('leaves no loop that nobody reads: the next listener begins with what comes after its own join', async () => {
  const { server, chat } = await chatOnAServer()
  const first = watch(chat.onMessage('lobby'))
  const served = await server.admit()
  const { correlation } = await served.expect('join')
  first.stop()
  served.send(joined(correlation, 5), deliver([6, 7]))
  await served.expectNothing()
  const next = watch(chat.onMessage('lobby'))
  await answerJoin(served, 7)
  served.send(deliver([8]))
  await expect.poll(() => next.seqs).toEqual([8])
  expect(first.seqs).toEqual([])
})

test('the next listener, who comes at once, begins at its own position', async () => {
  const { server, chat } = await chatOnAServer()
  const first = watch(chat.onMessage('lobby'))
  const served = await server.admit()
  const { correlation } = await served.expect('join')
  first.stop()
  const next = watch(chat.onMessage('lobby', { after: 2 }))
  served.send(joined(correlation, 5))
  await answerJoin(served, 5)
  await answerHistory(served, 2, texts([3, 4, 5]))
  await expect.poll(() => next.seqs).toEqual([3, 4, 5])
})

test('before there is a connection nothing is joined', async () => {
  const { server, chat } = await chatOnAServer()
  watch(chat.onMessage('lobby')).stop()
  const served = await server.admit()
  await settled()
  await served.expectNothing()
})

test('a follower that comes at once has a join of its own', async () => {
  const server = await ScriptedServer.start()
  const client: NestwireClient = clientOf(server.port, { token: 'token' })
  const first = watch(client.follow('lobby'))
  const served = await server.admit()
  const { correlation } = await served.expect('join')
  first.stop()
  const next = watch(client.follow('lobby'))
  served.send(joined(correlation, 5))
  await answerJoin(served, 5)
  served.send(deliver([6]))
  await expect.poll(() => next.seqs).toEqual([6])
  expect(first.seqs).toEqual([])
})
