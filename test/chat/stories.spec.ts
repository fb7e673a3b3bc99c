/** Conversations over real sockets, as the people in them see them. */
import { expect, test } from 'vitest'
import { decodeBody } from '../../src/protocol/body.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { startChat } from '../support/chat-harness.js'
import { auth, join, publish, request } from '../support/chat-user.js'
import { RawClient, hello, type PacketOf } from '../support/raw-client.js'

test('two people talk', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice')
  await alice.join('lobby')
  const bob = await chat.connect('bob')
  await bob.join('lobby')
  await alice.says('lobby', 'hi Bob')
  await bob.says('lobby', 'hi Alice – 你好')
  await alice.hears('lobby', ['+bob', 'hi Bob', 'hi Alice – 你好'])
  const [first, second] = await bob.hears('lobby', ['hi Bob', 'hi Alice – 你好'])
  expect(first).toMatchObject({ kind: RecordKind.Text, sender: 'alice', timeMs: chat.clock.now() })
  expect(second).toMatchObject({ sender: 'bob', prev: first?.seq })
  await alice.expectNothing()
  await bob.expectNothing()
})

test('the ack names the record that everyone hears', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice')
  const { seq } = await alice.join('lobby')
  const ack = await alice.says('lobby', 'hi')
  const [record] = await alice.hears('lobby', ['hi'])
  expect(ack.seq).toBe(seq + 1)
  expect(record).toMatchObject({ seq: ack.seq, timeMs: ack.timeMs })
})

test('everyone hears what all say at once, each text once, in one order', async () => {
  const chat = await startChat()
  const names = ['ann', 'ben', 'cleo', 'dan', 'eve']
  const people = await Promise.all(names.map((name) => chat.connect(name)))
  for (const person of people) await person.join('lobby')
  for (const [index, person] of people.entries()) {
    await person.hears(
      'lobby',
      names.slice(index + 1).map((name) => `+${name}`),
    )
  }
  const linesOf = (name: string): string[] => Array.from({ length: 20 }, (_, index) => `${name} ${index}`)
  await Promise.all(
    people.flatMap((person, index) => linesOf(names[index] ?? '').map((line) => person.says('lobby', line))),
  )
  const heard = await Promise.all(people.map((person) => person.records('lobby', 100)))
  const [first = []] = heard
  for (const records of heard) expect(records).toEqual(first)
  for (const name of names) {
    const own = first.filter(({ sender }) => sender === name).map(({ body }) => body.toString())
    expect(own).toEqual(linesOf(name))
  }
  for (const person of people) await person.expectNothing()
})

test('rooms do not hear each other', async () => {
  const chat = await startChat()
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await alice.join('red')
  await bob.join('blue')
  await alice.says('red', 'only red')
  await bob.says('blue', 'only blue')
  await alice.hears('red', ['only red'])
  await bob.hears('blue', ['only blue'])
  await alice.expectNothing()
  await bob.expectNothing()
})

test('any bytes travel unchanged, the empty message too', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice')
  await alice.join('lobby')
  const bytes = Buffer.from('00ff c328 deadbeef'.replaceAll(' ', ''), 'hex')
  await alice.says('lobby', bytes)
  await alice.says('lobby', '')
  const [first, second] = await alice.records('lobby', 2)
  expect(first?.body).toEqual(bytes)
  expect(second?.body).toHaveLength(0)
})

test('a message of maxMessageBytes is taken and one byte more is not', async () => {
  const chat = await startChat({ NESTWIRE_MAX_MESSAGE_BYTES: '1000' })
  const alice = await chat.connect('alice')
  await alice.join('lobby')
  await alice.says('lobby', 'x'.repeat(1000))
  expect(await alice.refusalOf((correlation) => publish('lobby', 'x'.repeat(1001), correlation))).toBe(
    'MESSAGE_TOO_LARGE',
  )
  await alice.hears('lobby', ['x'.repeat(1000)])
  await alice.expectNothing()
})

test('hello, login, join and message may go out in one write', async () => {
  const chat = await startChat()
  const bob = await chat.connect('bob')
  await bob.join('lobby')
  const client = await RawClient.connect(chat.port)
  const token = await chat.tokenOf('alice')
  client.send(hello(), auth(token, 1), join('lobby', 2), publish('lobby', 'all at once', 3))
  await client.expect('welcome')
  expect(await client.expect('authOk')).toMatchObject({ correlation: 1, user: 'alice' })
  const joined = (await client.find(({ kind }) => kind === 'joined')) as PacketOf<'joined'>
  const ack = (await client.find(({ kind }) => kind === 'ack')) as PacketOf<'ack'>
  const [, text] = await bob.hears('lobby', ['+alice', 'all at once'])
  expect(text?.seq).toBe(ack.seq)
  // Its author asked before it followed the room: the message is at or before JOINED's seq, or it is delivered.
  await client.settled()
  const delivered = client.inbox.flatMap((packet) => (packet.kind === 'deliver' ? packet.records : []))
  expect(delivered.map(({ seq }) => seq)).toEqual(ack.seq > joined.seq ? [ack.seq] : [])
})

test('a message by request is the same as a packet', async () => {
  const chat = await startChat()
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  const { seq, epoch } = await alice.join('lobby')
  expect(await bob.request('rooms.join', { room: 'lobby' })).toEqual({
    room: 'lobby',
    role: 'member',
    members: 2,
    epoch,
    seq: seq + 1,
  })
  await alice.hears('lobby', ['+bob'])
  expect(await bob.request('chat.send', { room: 'lobby', text: 'as text' })).toEqual({
    seq: seq + 2,
    timeMs: chat.clock.now(),
  })
  await bob.request('chat.send', { room: 'lobby', body: Buffer.from('as bytes') })
  await alice.hears('lobby', ['as text', 'as bytes'])
  const follows = await bob.expect('deliver')
  expect(follows).toMatchObject({ room: 'lobby', records: [{ prev: seq + 1, body: Buffer.from('as text') }] })
})

test('history pages forwards and backwards over the same records', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice')
  const { epoch } = await alice.join('lobby')
  const lines = Array.from({ length: 24 }, (_, index) => `line ${index}`)
  for (const line of lines) await alice.says('lobby', line)
  const forwards = await pages(alice, (records) => ({ after: records.at(-1)?.seq ?? 0 }))
  const backwards = await pages(alice, (records) => ({ before: records[0]?.seq ?? 26 }))
  expect(forwards).toHaveLength(25)
  expect(backwards).toEqual(forwards)
  expect(forwards[0]).toMatchObject({ kind: 'join', seq: 1, prev: 0, sender: 'alice' })
  expect(forwards.slice(1).map(({ body }) => Buffer.from(body).toString())).toEqual(lines)
  expect(forwards.map(({ prev }) => prev)).toEqual(Array.from({ length: 25 }, (_, index) => index))
  expect(await alice.request('chat.history', { room: 'lobby', limit: 1 })).toMatchObject({ epoch, more: true })
})

test('history begins with what the log still has', async () => {
  const chat = await startChat({ NESTWIRE_HISTORY_MAX_RECORDS: '3' })
  const alice = await chat.connect('alice')
  await alice.join('lobby')
  for (const line of ['one', 'two', 'three', 'four']) await alice.says('lobby', line)
  const kept = await pages(alice, (records) => ({ after: records.at(-1)?.seq ?? 0 }))
  expect(kept.map(({ body }) => Buffer.from(body).toString())).toEqual(['two', 'three', 'four'])
})

test('a service posts to a room without being a member of it', async () => {
  const chat = await startChat()
  const [alice, bot] = [await chat.connect('alice'), await chat.connect('clock-bot', { role: 'service' })]
  await alice.join('lobby')
  await bot.says('lobby', 'it is noon')
  const [record] = await alice.hears('lobby', ['it is noon'])
  expect(record?.sender).toBe('clock-bot')
  expect(await alice.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 1, owner: 'alice' })
  await bot.expectNothing()
})

test('a stranger cannot post, read or list members', async () => {
  const chat = await startChat()
  const [alice, mallory] = [await chat.connect('alice'), await chat.connect('mallory')]
  await alice.join('lobby')
  expect(await mallory.refusalOf((correlation) => publish('lobby', 'spam', correlation))).toBe('NOT_A_MEMBER')
  expect(await mallory.refusal('chat.history', { room: 'lobby' })).toBe('NOT_A_MEMBER')
  expect(await mallory.refusal('rooms.members', { room: 'lobby' })).toBe('NOT_A_MEMBER')
  expect(await mallory.refusalOf((correlation) => publish('nowhere', 'spam', correlation))).toBe('ROOM_NOT_FOUND')
  await alice.expectNothing()
})

test('answers of many requests in one write all come', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice')
  alice.send(...Array.from({ length: 500 }, (_, index) => request('auth.whoami', undefined, index + 100)))
  const correlations = new Set<number>()
  for (let answered = 0; answered < 500; answered += 1) {
    const reply = await alice.expect('reply')
    expect(decodeBody(reply.body)).toMatchObject({ user: 'alice' })
    correlations.add(reply.correlation)
  }
  expect(correlations.size).toBe(500)
  await alice.expectNothing()
})

interface HistoryRecord {
  readonly kind: string
  readonly seq: number
  readonly prev: number
  readonly sender: string
  readonly body: Uint8Array
}

/** All records of the lobby in order, ten a page; `from` says where the next page begins. */
async function pages(
  reader: { request(pattern: string, data: unknown): Promise<unknown> },
  from: (known: readonly HistoryRecord[]) => { readonly after?: number; readonly before?: number },
): Promise<readonly HistoryRecord[]> {
  let known: HistoryRecord[] = []
  for (;;) {
    const position = from(known)
    const page = (await reader.request('chat.history', { room: 'lobby', limit: 10, ...position })) as {
      readonly records: readonly HistoryRecord[]
      readonly more: boolean
    }
    known = 'before' in position ? [...page.records, ...known] : [...known, ...page.records]
    if (!page.more) return known
  }
}
