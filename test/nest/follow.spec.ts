import { Subject, firstValueFrom, ignoreElements, lastValueFrom, take, tap, toArray, type Observable } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/chat-client.js'
import type { RoomItem } from '../../src/client/room-items.js'
import type { Room } from '../../src/client/room.js'
import type { NestwireClient } from '../../src/transport/nestwire-client.js'
import { runApp, type TestApp } from '../support/running-app.js'
import { clientOf, failureOf } from './nest-apps.js'

/** A room that alice is in. */
interface Entered {
  readonly room: Room
  /** Resolves when alice sees somebody join. */
  readonly joined: () => Promise<RoomItem>
}

interface Scene {
  readonly server: TestApp
  readonly client: NestwireClient
  readonly enter: (name: string) => Promise<Entered>
  readonly lobby: Room
  readonly joined: Entered['joined']
}

async function start(): Promise<Scene> {
  const server = await runApp()
  const alice = await connect({ port: server.address.port, token: await server.tokenOf('alice') })
  onTestFinished(() => alice.close())
  const enter = async (name: string): Promise<Entered> => {
    const room = await alice.join(name)
    const joins = new Subject<RoomItem>()
    void forward(room, joins)
    return { room, joined: () => firstValueFrom(joins) }
  }
  const { room: lobby, joined } = await enter('lobby')
  const client = clientOf(server.address.port, { token: await server.tokenOf('service', { role: 'service' }) })
  return { server, client, enter, lobby, joined }
}

async function forward(room: Room, joins: Subject<RoomItem>): Promise<void> {
  for await (const item of room) if (item.kind === 'join') joins.next(item)
}

const textsOf = async (items: Observable<RoomItem>, count: number): Promise<string[]> => {
  const texts = await lastValueFrom(items.pipe(take(count), toArray()))
  return texts.map((item) => (item.kind === 'text' ? item.text : item.kind))
}

test('follow gives what is said, in order', async () => {
  const { client, lobby, joined } = await start()
  const seen = joined()
  const texts = textsOf(client.follow('lobby'), 3)
  await seen
  for (const text of ['one', 'two', 'three']) await lobby.publish(text)
  expect(await texts).toEqual(['one', 'two', 'three'])
})

test('nothing joins before somebody subscribes', async () => {
  const { server, client } = await start()
  client.follow('lobby')
  expect(await lastValueFrom(client.send('rooms.info', { room: 'lobby' }))).toMatchObject({ members: 1 })
  expect(server.server.connectionCount).toBe(2)
})

test('all rooms of a client share one connection beside that for calls', async () => {
  const { server, client, enter } = await start()
  for (const name of ['first', 'second']) {
    const { room, joined } = await enter(name)
    const seen = joined()
    const texts = textsOf(client.follow(name), 1)
    await seen
    await room.publish(`in ${name}`)
    expect(await texts).toEqual([`in ${name}`])
  }
  await client.connect()
  expect(server.server.connectionCount).toBe(3)
})

test('a room can be followed again', async () => {
  const { client, lobby, joined } = await start()
  for (const text of ['first time', 'second time']) {
    const seen = joined()
    const texts = textsOf(client.follow('lobby'), 1)
    await seen
    await lobby.publish(text)
    expect(await texts).toEqual([text])
    await lastValueFrom(client.send('rooms.leave', { room: 'lobby' }))
  }
})

test('a second subscriber to one room is refused, the first goes on', async () => {
  const { client, lobby, joined } = await start()
  const seen = joined()
  const texts = textsOf(client.follow('lobby'), 1)
  await seen
  expect(await failureOf(client.follow('lobby'))).toMatchObject({ code: 'ALREADY_FOLLOWED' })
  await lobby.publish('still here')
  expect(await texts).toEqual(['still here'])
})

test('unsubscribing at once leaves the room to the next subscriber', async () => {
  const { client, lobby, joined } = await start()
  const seen = joined()
  client.follow('lobby').subscribe().unsubscribe()
  const texts = textsOf(client.follow('lobby'), 1)
  await seen
  await lobby.publish('heard')
  expect(await texts).toEqual(['heard'])
})

test('unsubscribing while the join is on its way leaves the room to the next subscriber', async () => {
  const { client, enter, lobby, joined } = await start()
  const other = await enter('other')
  const connected = other.joined()
  onTestFinished(() => following.unsubscribe())
  const following = client.follow('other').subscribe()
  await connected
  const seen = joined()
  const first = client.follow('lobby').subscribe()
  await new Promise(setImmediate)
  first.unsubscribe()
  const texts = textsOf(client.follow('lobby'), 1)
  await seen
  await lobby.publish('heard')
  expect(await texts).toEqual(['heard'])
})

test('the loop completes when the service is kicked', async () => {
  const { client, server, joined } = await start()
  const seen = joined()
  const end = lastValueFrom(client.follow('lobby').pipe(ignoreElements()), { defaultValue: 'completed' })
  await seen
  const admin = clientOf(server.address.port, { token: await server.tokenOf('root', { role: 'admin' }) })
  await lastValueFrom(admin.send('rooms.kick', { room: 'lobby', user: 'service' }))
  expect(await end).toBe('completed')
})

test('closing the client completes what it follows', async () => {
  const { client, server, lobby, joined } = await start()
  const seen = joined()
  const heard = new Subject<RoomItem>()
  const end = lastValueFrom(client.follow('lobby').pipe(tap(heard)), { defaultValue: 'nothing' })
  const first = firstValueFrom(heard)
  await seen
  await lobby.publish('hi')
  await first
  await client.close()
  expect(await end).toMatchObject({ text: 'hi' })
  await lobby.publish('anybody there?')
  expect(server.server.connectionCount).toBe(1)
})

test('a room that cannot be fails the Observable with its code', async () => {
  const { client } = await start()
  expect(await failureOf(client.follow(''))).toMatchObject({ code: 'BAD_FIELD' })
})

test('a refused token fails the Observable, and the next subscriber tries anew', async () => {
  const { server, lobby, joined } = await start()
  const tokens = ['rubbish', await server.tokenOf('service')]
  const client = clientOf(server.address.port, { token: () => tokens.shift() ?? '' })
  expect(await failureOf(client.follow('lobby'))).toMatchObject({ code: 'TOKEN_INVALID' })
  const seen = joined()
  const texts = textsOf(client.follow('lobby'), 1)
  await seen
  await lobby.publish('welcome')
  expect(await texts).toEqual(['welcome'])
})
