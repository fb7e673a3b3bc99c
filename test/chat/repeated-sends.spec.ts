import { expect, test } from 'vitest'
import type { Packet } from '../../src/protocol/packets.js'
import { startChat } from '../support/chat-harness.js'
import { nextMessageId, publish, type ChatUser } from '../support/chat-user.js'
import type { PacketOf } from '../support/raw-client.js'

async function inLobby(env: Record<string, string> = {}) {
  const chat = await startChat({ NESTWIRE_PRESENCE_INTERVAL_MS: '60000', ...env })
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await alice.join('lobby')
  await bob.join('lobby')
  await alice.hears('lobby', ['+bob'])
  return { ...chat, alice, bob }
}

/** One message, to be sent as often as one likes. */
function messageOf(body: string) {
  const messageId = nextMessageId()
  const packet = (correlation: number, ageMs?: number): Packet =>
    ({ ...publish('lobby', body, correlation), messageId, ageMs }) as PacketOf<'publish'>
  const ackOf = async (user: ChatUser, ageMs?: number): Promise<Partial<PacketOf<'ack'>>> => {
    const correlation = user.nextCorrelation()
    user.send(packet(correlation, ageMs))
    const ack = await user.find((candidate) => 'correlation' in candidate && candidate.correlation === correlation)
    return { ...(ack as PacketOf<'ack'>), correlation: 0 }
  }
  return { messageId, packet, ackOf }
}

test('a message that is sent again has the ACK of the first, and is delivered once', async () => {
  const { alice, bob } = await inLobby()
  const { ackOf } = messageOf('hi')
  const first = await ackOf(bob)
  expect(first).toMatchObject({ kind: 'ack', seq: 3 })
  expect(await ackOf(bob, 500)).toEqual(first)
  expect(await ackOf(bob)).toEqual(first)
  await bob.hears('lobby', ['hi'])
  await alice.hears('lobby', ['hi'])
  await alice.expectNothing()
})

test('sent again in one write with the first, both have one ACK', async () => {
  const { alice, bob } = await inLobby()
  const { packet } = messageOf('hi')
  bob.send(packet(100), packet(101), packet(102, 5))
  const acks: Packet[] = []
  for (const correlation of [100, 101, 102]) {
    acks.push(await bob.find((candidate) => candidate.kind === 'ack' && candidate.correlation === correlation))
  }
  expect(new Set(acks.map((ack) => (ack as PacketOf<'ack'>).seq)).size).toBe(1)
  await alice.hears('lobby', ['hi'])
  await alice.expectNothing()
})

test('the same id of another sender or room is another message', async () => {
  const { alice, bob } = await inLobby()
  const { ackOf, messageId } = messageOf('hi')
  await ackOf(bob)
  expect(await ackOf(alice)).toMatchObject({ seq: 4 })
  await alice.join('elsewhere')
  alice.send({ ...publish('elsewhere', 'hi', 200), messageId } as Packet)
  await alice.hears('elsewhere', ['hi'])
})

test('chat.send recognises what PUBLISH sent, and the other way round', async () => {
  const { alice, bob } = await inLobby()
  const { ackOf, messageId } = messageOf('hi')
  const { seq, timeMs } = await ackOf(bob)
  expect(await bob.request('chat.send', { room: 'lobby', text: 'hi', messageId, ageMs: 7 })).toEqual({ seq, timeMs })
  await alice.hears('lobby', ['hi'])
  await alice.expectNothing()
})

test('a first try that is as old as the window is stored, an older one is of unknown outcome', async () => {
  const { alice, bob, clock } = await inLobby({ NESTWIRE_DEDUP_WINDOW_MS: '20000' })
  clock.advance(30_000)
  expect(await messageOf('young').ackOf(bob, 20_000)).toMatchObject({ kind: 'ack' })
  expect(await messageOf('old').ackOf(bob, 20_001)).toMatchObject({ kind: 'error', code: 25 })
  await messageOf('last').ackOf(bob)
  await alice.hears('lobby', ['young', 'last'])
})

test('a repeat is answered whatever would refuse it now', async () => {
  const { alice, bob } = await inLobby({ NESTWIRE_PUBLISH_MESSAGES_PER_SECOND: '1' })
  const { ackOf } = messageOf('hi')
  const first = await ackOf(bob)
  expect(await messageOf('too soon').ackOf(bob)).toMatchObject({ kind: 'error', code: 24 })
  expect(await ackOf(bob, 1)).toEqual(first)
  await alice.request('rooms.kick', { room: 'lobby', user: 'bob' })
  expect(await ackOf(bob, 2)).toEqual(first)
  expect(await messageOf('let me in').ackOf(bob)).toMatchObject({ kind: 'error', code: 11 })
})

test('AUTH_OK announces the window', async () => {
  const chat = await startChat({ NESTWIRE_DEDUP_WINDOW_MS: '5000' })
  expect((await chat.connect('alice')).granted?.dedupWindowMs).toBe(5_000)
})
