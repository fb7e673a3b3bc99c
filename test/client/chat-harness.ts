/** A chat client on a scripted server, with a clock and dice in the hands of the test. */
import { onTestFinished } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { connect, type ChatClient, type ChatClientOptions, type Room, type RoomItem } from '../../src/client/index.js'
import type { RoomRecord } from '../../src/protocol/packets.js'
import { ManualClock } from '../support/manual-clock.js'
import { historyReply, joined, ScriptedServer, type ServedConnection } from './scripted-server.js'

export interface Chat {
  readonly server: ScriptedServer
  readonly clock: ManualClock
  readonly client: ChatClient
  readonly served: ServedConnection
}

export async function startChat(options: ChatClientOptions = {}): Promise<Chat> {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const connecting = connect({ port: server.port, token: 'token', clock, random: () => 0.5, ...options })
  const served = await server.admit()
  const client = await connecting
  onTestFinished(() => client.close())
  return { server, clock, client, served }
}

export async function joinLobby({ client, served }: Chat, seq: number, after?: number): Promise<Room> {
  const joining = client.join('lobby', after === undefined ? {} : { after })
  served.send(joined((await served.expect('join')).correlation, seq))
  return joining
}

/** Answers the next chat.history request, which must ask for what is after `after`. */
export async function answerHistory(
  served: ServedConnection,
  after: number,
  records: readonly RoomRecord[],
  epoch?: number,
) {
  const { correlation, pattern, body } = await served.expect('request')
  const asked = { pattern, data: decodeBody(body) }
  if (JSON.stringify(asked) !== JSON.stringify({ pattern: 'chat.history', data: { room: 'lobby', after } })) {
    throw new Error(`not the history after ${after}: ${JSON.stringify(asked)}`)
  }
  served.send({ kind: 'reply', correlation, body: encodeBody(historyReply(records, epoch)) })
}

/** The next `count` items in short: the seq of a record, the range and reason of a gap. */
export async function take(room: Room, count: number): Promise<(number | string)[]> {
  const iterator = room[Symbol.asyncIterator]()
  const items: (number | string)[] = []
  while (items.length < count) {
    const { done, value } = await iterator.next()
    if (done === true) {
      items.push('end')
      break
    }
    items.push(short(value))
  }
  return items
}

const short = (item: RoomItem): number | string =>
  item.kind === 'gap' ? `${item.reason} ${item.from}-${item.to}` : item.seq

/** Everything the client wrote and read up to now is handled. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
