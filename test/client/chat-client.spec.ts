import { describe, expect, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { Priority } from '../../src/protocol/constants.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { answerHistory, failure, joinLobby, lose, settled, startChat, take } from './chat-harness.js'
import { ack, deliver, joined, refused, texts } from './scripted-server.js'

const event = (pattern: string, data: unknown) =>
  ({ kind: 'event', priority: Priority.Normal, metadata: undefined, pattern, body: encodeBody(data) }) as const

describe('a room', () => {
  test('yields every record once, in order', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([5, 6]), deliver([7]))
    expect(await take(room, 3)).toEqual([5, 6, 7])
  })

  test('says who wrote what and when', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    const [text, join, leave] = texts([5, 6, 7])
    const records = [text, { ...join, kind: 2, body: Buffer.from('Bob B.') }, { ...leave, kind: 3, body: Buffer.of(1) }]
    chat.served.send({ ...deliver([5]), records } as never)
    const items = []
    for await (const item of room) if (items.push(item) === 3) break
    const about = { sender: 'bob' }
    expect(items).toEqual([
      { kind: 'text', seq: 5, prev: 4, timeMs: 1_700_000_000_005, ...about, text: 'message 5', body: text?.body },
      { kind: 'join', seq: 6, prev: 5, timeMs: 1_700_000_000_006, ...about, username: 'Bob B.' },
      { kind: 'leave', seq: 7, prev: 6, timeMs: 1_700_000_000_007, ...about, reason: 'kicked' },
    ])
  })

  test('is the same when joined twice', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 0)
    expect(await chat.client.join('lobby')).toBe(room)
    await chat.served.expectNothing()
  })

  test('cuts what overlaps and drops what was seen', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([5, 6]), deliver([5, 6]), deliver([6, 7]))
    expect(await take(room, 3)).toEqual([5, 6, 7])
  })

  test('fills a hole from the history, page by page', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([9]))
    await answerHistory(chat.served, 4, texts([5, 6]))
    await answerHistory(chat.served, 6, texts([7, 8, 9]))
    chat.served.send(deliver([10]))
    expect(await take(room, 6)).toEqual([5, 6, 7, 8, 9, 10])
    await chat.served.expectNothing()
  })

  test('takes deliveries that overtake JOINED', async () => {
    const chat = await startChat()
    const joining = chat.client.join('lobby')
    const { correlation } = await chat.served.expect('join')
    chat.served.send(deliver([5]), joined(correlation, 4), deliver([6]))
    expect(await take(await joining, 2)).toEqual([5, 6])
    await chat.served.expectNothing()
  })

  test('starts after a seq with what the history has', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4, 1)
    await answerHistory(chat.served, 1, texts([2, 3, 4]))
    chat.served.send(deliver([5]))
    expect(await take(room, 4)).toEqual([2, 3, 4, 5])
  })

  test('tells what the history no longer has', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9, 0)
    await answerHistory(chat.served, 0, texts([7, 8, 9]))
    expect(await take(room, 4)).toEqual(['trimmed 0-6', 7, 8, 9])
  })

  test('tells what a page of the history leaves out in its middle', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 12, 4)
    await answerHistory(chat.served, 4, [...texts([5, 6]), ...texts([9, 10]), ...texts([12])])
    chat.served.send(deliver([13]))
    const items = [5, 6, 'unavailable 6-8', 9, 10, 'unavailable 10-11', 12, 13]
    expect(await take(room, items.length)).toEqual(items)
    await chat.served.expectNothing()
  })

  test('tells when all that was missed is gone', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9, 2)
    await answerHistory(chat.served, 2, [])
    chat.served.send(deliver([10]))
    expect(await take(room, 2)).toEqual(['trimmed 2-9', 10])
  })

  test('tells when the history is refused, once', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9, 2)
    const { correlation } = await chat.served.expect('request')
    const refusal = { kind: 'error', correlation, retryAfterMs: 0, message: '', body: Buffer.alloc(0) } as const
    chat.served.send({ ...refusal, code: ErrorCode.Forbidden })
    expect(await take(room, 1)).toEqual(['unavailable 2-9'])
    await chat.served.expectNothing()
  })

  test('asks no further when a page leads nowhere', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9, 5)
    await answerHistory(chat.served, 5, texts([4, 5]))
    expect(await take(room, 1)).toEqual(['unavailable 5-9'])
    await chat.served.expectNothing()
  })

  test('goes on with the new log where the epoch changed', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([2], { epoch: 8 }), deliver([3], { epoch: 8 }))
    expect(await take(room, 3)).toEqual(['epochChanged 0-1', 2, 3])
    await chat.served.expectNothing()
  })

  test('asks the history again when the server could not read it', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9, 2)
    const { correlation } = await chat.served.expect('request')
    chat.served.send(refused(correlation, ErrorCode.LogUnavailable, 400))
    await chat.served.expectNothing()
    chat.clock.advance(524)
    await chat.served.expectNothing()
    chat.clock.advance(1)
    await answerHistory(chat.served, 2, texts([3, 4, 5, 6, 7, 8, 9]))
    expect(await take(room, 7)).toEqual([3, 4, 5, 6, 7, 8, 9])
  })

  test('passes on a gap of the server', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.send({ ...deliver([5]), kind: 'gap', from: 4, to: 20, reason: 0 } as never, deliver([21]))
    expect(await take(room, 2)).toEqual(['trimmed 4-20', 21])
  })

  test('ends with the reason when the server says so', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([5]), event('rooms.left', { room: 'lobby', reason: 'kicked' }))
    expect(await take(room, 2)).toEqual([5, 'end'])
    expect(room.endReason).toBe('kicked')
  })

  test('ends when it is left', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    const leaving = room.leave()
    const { correlation, pattern } = await chat.served.expect('request')
    expect(pattern).toBe('rooms.leave')
    chat.served.send({ kind: 'reply', correlation, body: encodeBody({ room: 'lobby', changed: true }) })
    await leaving
    expect(await take(room, 1)).toEqual(['end'])
    expect(room.endReason).toBe('left')
  })

  test('is over when its loop is left, and can be joined anew', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([5, 6]))
    for await (const _ of room) break
    expect(room.endReason).toBe('stopped')
    const again = await joinLobby(chat, 6)
    chat.served.send(deliver([7]))
    expect(await take(again, 1)).toEqual([7])
  })

  test('rejects a join that the server refuses', async () => {
    const chat = await startChat()
    const joining = failure(chat.client.join('lobby'))
    const { correlation } = await chat.served.expect('join')
    chat.served.send({
      kind: 'error',
      correlation,
      code: 12,
      retryAfterMs: 0,
      message: 'banned',
      body: Buffer.alloc(0),
    })
    expect(await joining).toMatchObject({ code: 'BANNED' })
    await joinLobby(chat, 1)
  })

  test('each who waits for a join has a deadline of its own, whoever asked first', async () => {
    const chat = await startChat()
    const inTime = chat.client.join('lobby', { deadlineMs: 100 })
    const patient = chat.client.join('lobby')
    const late = failure(chat.client.join('lobby', { deadlineMs: 50 }))
    const { correlation } = await chat.served.expect('join')
    chat.clock.advance(60)
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    chat.served.send(joined(correlation, 4), deliver([5]))
    const room = await patient
    expect(await inTime).toBe(room)
    chat.clock.advance(1000)
    expect(await take(room, 1)).toEqual([5])
  })

  test('a join that waits longer than the first goes on when that one gives up', async () => {
    const chat = await startChat()
    const first = failure(chat.client.join('lobby', { deadlineMs: 50 }))
    const second = chat.client.join('lobby')
    const { correlation } = await chat.served.expect('join')
    chat.clock.advance(60)
    expect(await first).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    chat.served.send(joined(correlation, 4), deliver([5]))
    expect(await take(await second, 1)).toEqual([5])
  })

  test('a join that everybody has given up begins anew for who asks next', async () => {
    const chat = await startChat()
    const leaving = new AbortController()
    const late = failure(chat.client.join('lobby', { deadlineMs: 50 }))
    const left = failure(chat.client.join('lobby', { signal: leaving.signal }))
    const { correlation } = await chat.served.expect('join')
    chat.clock.advance(60)
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    leaving.abort()
    const again = joinLobby(chat, 4, 2)
    chat.served.send(joined(correlation, 4))
    expect(await left).toMatchObject({ code: 'CLOSED' })
    const room = await again
    await answerHistory(chat.served, 2, texts([3, 4]))
    expect(await take(room, 2)).toEqual([3, 4])
  })

  test('a signal that is aborted already joins nothing', async () => {
    const chat = await startChat()
    const joining = failure(chat.client.join('lobby', { signal: AbortSignal.abort() }))
    expect(await joining).toMatchObject({ code: 'CLOSED' })
    await chat.served.expectNothing()
    await joinLobby(chat, 1)
  })
})

describe('publishing', () => {
  test('resolves with seq and time', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    const publishing = room.publish('hi')
    chat.served.send(ack((await chat.served.expect('publish')).correlation, 5))
    expect(await publishing).toEqual({ seq: 5, timeMs: 1_700_000_000_005 })
  })
})

describe('events', () => {
  test('leave as they are, and the promise waits until they have', async () => {
    const chat = await startChat()
    let isSent = false
    const sending = chat.client.emit('typing', { room: 'lobby' }, { priority: 'low' }).then(() => (isSent = true))
    await Promise.resolve()
    expect(isSent).toBe(false)
    await sending
    const { pattern, body, priority } = await chat.served.expect('event')
    expect([pattern, decodeBody(body), priority]).toEqual(['typing', { room: 'lobby' }, Priority.Low])
  })

  test('are refused without a connection, like requests', async () => {
    const chat = await startChat()
    await lose(chat)
    expect(await failure(chat.client.emit('typing'))).toMatchObject({ code: 'NOT_CONNECTED' })
    expect(await failure(chat.client.request('x'))).toMatchObject({ code: 'NOT_CONNECTED' })
  })
})

describe('a session', () => {
  test('renews its token before it expires', async () => {
    let tokens = 0
    const chat = await startChat({ token: () => `token ${++tokens}` })
    await lose(chat)
    chat.clock.advance(125)
    const served = await chat.server.admit({}, { expiresAtMs: chat.clock.now() + 900_000 })
    await expect.poll(() => chat.client.status).toBe('connected')
    chat.clock.advance(15_000)
    served.send({ kind: 'ping', correlation: 1 })
    await served.expect('pong')
    expect(tokens).toBe(2)
    for (let waited = 15_000; waited < 840_000; waited += 15_000) {
      chat.clock.advance(15_000)
      served.send({ kind: 'ping', correlation: 1 })
      await settled()
    }
    await expect.poll(() => tokens).toBe(3)
  })
})
