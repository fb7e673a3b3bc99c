import { describe, expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { GapReason } from '../../src/protocol/packets.js'
import { answerHistory, failure, joinLobby, settled, startChat, take } from './chat-harness.js'
import { ack, deliver, gap, historyReply, texts, type ServedConnection } from './scripted-server.js'

const THREE_ITEMS = { maxItems: 3, maxBytes: 1024 }
const ping = { kind: 'ping', correlation: 77 } as const
const pong = { kind: 'pong', correlation: 77 } as const

/** A PING sent now stays unread. */
async function expectNotReading(served: ServedConnection): Promise<void> {
  served.send(ping)
  await settled()
  await settled()
  expect(served.inbox).toEqual([])
}

/** A room whose loop has taken the first record and takes no more. */
async function startSlowLoop(roomBuffer = THREE_ITEMS) {
  const chat = await startChat({ roomBuffer })
  const room = await joinLobby(chat, 0)
  const first = take(room, 1)
  chat.served.send(deliver([1]))
  expect(await first).toEqual([1])
  return { ...chat, room }
}

describe('a room whose loop is behind', () => {
  test('is read until its buffer is full, not longer', async () => {
    const { served } = await startSlowLoop()
    served.send(deliver([2]), deliver([3]))
    await served.expectNothing()
    served.send(deliver([4]))
    await expectNotReading(served)
  })

  test('counts bytes as well as items', async () => {
    const bodyBytes = 'message 2'.length
    const fits = await startSlowLoop({ maxItems: 100, maxBytes: bodyBytes + 1 })
    fits.served.send(deliver([2]))
    await fits.served.expectNothing()
    const full = await startSlowLoop({ maxItems: 100, maxBytes: bodyBytes })
    full.served.send(deliver([2]))
    await expectNotReading(full.served)
  })

  test('gets everything once it catches up, and nothing twice', async () => {
    const { served, room } = await startSlowLoop()
    for (let seq = 2; seq <= 20; seq += 1) served.send(deliver([seq]))
    await expectNotReading(served)
    expect(await take(room, 19)).toEqual(texts([...Array(19).keys()].map((index) => index + 2)).map(({ seq }) => seq))
    expect(await served.next()).toEqual(pong)
  })

  test('is read on while it waits for its own ACK', async () => {
    const { served, room } = await startSlowLoop()
    served.send(deliver([2, 3, 4]))
    await expectNotReading(served)
    const publishing = room.publish('reply')
    expect(await served.next()).toEqual(pong)
    const { correlation } = await served.expect('publish')
    // What comes meanwhile and has no room is read again from the history.
    served.send(deliver([5]), ack(correlation, 5))
    expect(await publishing).toMatchObject({ seq: 5 })
    const reading = take(room, 4)
    await answerHistory(served, 4, texts([5]))
    expect(await reading).toEqual([2, 3, 4, 5])
  })

  test('lets go of the connection when its loop is left', async () => {
    const { served, room } = await startSlowLoop()
    served.send(deliver([2, 3, 4]))
    await expectNotReading(served)
    for await (const _ of room) break
    expect(await served.next()).toEqual(pong)
  })
})

describe('a room without a loop', () => {
  test('never stops the connection, and catches up when one begins', async () => {
    const chat = await startChat({ roomBuffer: THREE_ITEMS })
    const room = await joinLobby(chat, 0)
    for (let seq = 1; seq <= 9; seq += 1) chat.served.send(deliver([seq]))
    await chat.served.expectNothing()
    const reading = take(room, 9)
    await answerHistory(chat.served, 3, texts([4, 5, 6, 7]))
    await answerHistory(chat.served, 7, texts([8, 9]))
    expect(await reading).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})

describe('a room that dropped deliveries before a gap', () => {
  test('still reads them from the history', async () => {
    const chat = await startChat({ roomBuffer: { maxItems: 2, maxBytes: 1024 } })
    const room = await joinLobby(chat, 0)
    chat.served.send(deliver([1]), deliver([2]), deliver([3]), gap(3, 10, GapReason.Trimmed), deliver([11]))
    await chat.served.expectNothing()
    const reading = take(room, 5)
    await answerHistory(chat.served, 2, texts([3]))
    await answerHistory(chat.served, 3, texts([11]))
    expect(await reading).toEqual([1, 2, 3, 'trimmed 3-10', 11])
  })
})

describe('a room that misses records while the outbox is full', () => {
  test('asks for them when there is room, and tells no gap', async () => {
    const chat = await startChat({ maxOutboxBytes: 600 })
    const room = await joinLobby(chat, 0)
    const calls: Promise<unknown>[] = []
    chat.client.onEvent(() => {
      while (calls.length < 20) calls.push(failure(chat.client.request('x', 'in the outbox')))
    })
    const event = { kind: 'event', priority: 0, metadata: undefined, pattern: 'e', body: encodeBody(1) } as const
    chat.served.send(event, deliver([5]))
    const reading = take(room, 5)
    let asked = await chat.served.expect('request')
    expect(await calls.at(-1)).toMatchObject({ code: 'OUTBOX_FULL' })
    while (asked.pattern !== 'chat.history') asked = await chat.served.expect('request')
    const body = encodeBody(historyReply(texts([1, 2, 3, 4, 5])))
    chat.served.send({ kind: 'reply', correlation: asked.correlation, body })
    expect(await reading).toEqual([1, 2, 3, 4, 5])
  })
})

describe('a stream whose loop is behind', () => {
  async function startStream() {
    const chat = await startChat()
    const iterator = chat.client.stream('ticks')[Symbol.asyncIterator]()
    const first = iterator.next()
    const { correlation } = await chat.served.expect('request')
    const send = (count: number): void => {
      const next = { kind: 'next', correlation, body: encodeBody('tick') } as const
      chat.served.send(...Array.from({ length: count }, () => next))
    }
    send(1)
    await first
    return { ...chat, iterator, correlation, send }
  }

  test('is read until a thousand values are held', async () => {
    const { served, send } = await startStream()
    send(999)
    await served.expectNothing()
    send(1)
    await expectNotReading(served)
  })

  test('goes on once its loop does', async () => {
    const { served, send, iterator } = await startStream()
    send(1000)
    await expectNotReading(served)
    for (let taken = 0; taken < 500; taken += 1) expect(await iterator.next()).toEqual({ done: false, value: 'tick' })
    expect(await served.next()).toEqual(pong)
  })

  test('is cancelled at sixteen times its limit where others must be read', async () => {
    const { served, send, iterator, client, correlation } = await startStream()
    const asked = client.request('x')
    const request = await served.expect('request')
    send(15_999)
    await served.expectNothing()
    send(1)
    expect(await served.expect('cancel')).toMatchObject({ correlation })
    served.send({ kind: 'reply', correlation: request.correlation, body: encodeBody('still here') })
    expect(await asked).toBe('still here')
    const ending = (async () => {
      for (;;) await iterator.next()
    })()
    await expect(ending).rejects.toMatchObject({ code: 'STREAM_OVERFLOW' })
  })
})
