/** A chat client on a scripted server, with a clock and dice in the hands of the test. */
import { expect, onTestFinished } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { Feature } from '../../src/protocol/constants.js'
import { connect, type ChatClient, type ChatClientOptions, type Room, type RoomItem } from '../../src/client/index.js'
import type { RoomRecord } from '../../src/protocol/packets.js'
import { ManualClock } from '../support/manual-clock.js'
import {
  authOk,
  historyReply,
  joined,
  refused,
  resumed,
  resumedLobby,
  ScriptedServer,
  type PacketOf,
  type ServedConnection,
} from './scripted-server.js'

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

/** Dice that always show a half, and how often they were thrown: once before each wait. */
export function countedDice() {
  let thrown = 0
  const random = (): number => {
    thrown += 1
    return 0.5
  }
  return { random, throws: () => thrown }
}

/** What a server that resumes sessions tells at a login. */
export const GRANT = { ticket: Buffer.from('ticket 1'), dedupWindowMs: 120_000 }

/** A client that holds a ticket, and messages of which are known for two minutes. */
export async function startResumable(options: ChatClientOptions = {}, grant: Grant = GRANT): Promise<Chat> {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const connecting = connect({ port: server.port, token: 'token', clock, random: () => 0.5, ...options })
  const served = await server.greet({ features: Feature.Resume })
  await logIn(served, grant)
  const client = await connecting
  onTestFinished(() => client.close())
  return { server, clock, client, served }
}

type Grant = Partial<PacketOf<'authOk'>>

export async function logIn(served: ServedConnection, grant: Grant = GRANT): Promise<PacketOf<'auth'>> {
  const auth = await served.expect('auth')
  served.send(authOk({ correlation: auth.correlation, ...grant }))
  return auth
}

/** Waits out the first backoff; the client that comes shows a ticket. */
export async function showTicket({ clock, server }: Chat): Promise<[ServedConnection, PacketOf<'resume'>]> {
  clock.advance(125)
  const served = await server.greet({ features: Feature.Resume })
  return [served, await served.expect('resume')]
}

/** Loses the connection and resumes; RESUMED tells that nothing was missed unless told otherwise. */
export async function resume(chat: Chat, over: Partial<PacketOf<'resumed'>> = {}): Promise<Chat> {
  await lose(chat)
  const [served, { correlation, positions }] = await showTicket(chat)
  const rooms = positions.map(({ seq }) => resumedLobby(seq, seq))
  served.send(resumed(correlation, { rooms, ...over }))
  await expect.poll(() => chat.client.status).toBe('connected')
  return { ...chat, served }
}

export async function joinLobby({ client, served }: Chat, seq: number, after?: number): Promise<Room> {
  const joining = client.join('lobby', after === undefined ? {} : { after })
  served.send(joined((await served.expect('join')).correlation, seq))
  return joining
}

/** Lets a client of a new session have the lobby back: still a member, JOIN. */
export async function rejoinLobby(served: ServedConnection, seq: number, epoch?: number): Promise<void> {
  await answerMembership(served)
  served.send(joined((await served.expect('join')).correlation, seq, epoch))
}

/** Whoever asks whether the user is still a member of the lobby is told so, or why not. */
export async function answerMembership(served: ServedConnection, refusal?: number): Promise<void> {
  const { correlation, pattern, body } = await served.expect('request')
  expect([pattern, decodeBody(body)]).toEqual(['chat.history', { room: 'lobby', limit: 1 }])
  if (refusal !== undefined) return served.send(refused(correlation, refusal))
  served.send({ kind: 'reply', correlation, body: encodeBody(historyReply([])) })
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

export const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('it was fulfilled'),
    (error: unknown) => error,
  )

/** Loses the connection and waits until the client waits to come back. */
export async function lose({ client, served }: Chat): Promise<void> {
  served.socket.end()
  await expect.poll(() => client.status).toBe('reconnecting')
}

/** The connection lives long enough for its loss to be the first again. */
export async function last({ clock, served }: Chat): Promise<void> {
  await served.expectNothing()
  clock.advance(5000)
}

/** With the dice at 0.5 the first wait is 125 ms. */
export async function comeBack(chat: Chat): Promise<Chat> {
  chat.clock.advance(125)
  const served = await chat.server.admit()
  return { ...chat, served }
}

/** Everything the client wrote and read up to now is handled. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
