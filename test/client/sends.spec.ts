/** Messages across interruptions: in the log once, or a clear doubt. */
import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { ChatClientOptions, Published, Room } from '../../src/client/index.js'
import { failure, GRANT, joinLobby, lose, resume, showTicket, startResumable, type Chat } from './chat-harness.js'
import {
  ack,
  authOk,
  joined,
  refused,
  resumed,
  resumedLobby,
  type PacketOf,
  type ServedConnection,
} from './scripted-server.js'

interface ChatInLobby extends Chat {
  readonly room: Room
}

async function startInLobby(options: ChatClientOptions = {}, grant = GRANT): Promise<ChatInLobby> {
  const chat = await startResumable(options, grant)
  return { ...chat, room: await joinLobby(chat, 0) }
}

async function published(served: ServedConnection, count: number): Promise<PacketOf<'publish'>[]> {
  const packets: PacketOf<'publish'>[] = []
  while (packets.length < count) packets.push(await served.expect('publish'))
  return packets
}
const textsOf = (packets: readonly PacketOf<'publish'>[]): string[] => packets.map(({ body }) => body.toString())

/** How a publish has ended so far: its seq, or the code of its error. */
function watch(publishing: Promise<Published>): () => unknown {
  let ending: unknown = 'waits'
  publishing.then(
    ({ seq }) => (ending = seq),
    ({ code }: { code: string }) => (ending = code),
  )
  return () => ending
}

/** A message whose answer was lost, and the connection on which it was sent again. */
async function sentAgain(options?: ChatClientOptions) {
  const chat = await startInLobby(options)
  const publishing = chat.room.publish('hi')
  publishing.catch(() => undefined)
  const { messageId } = await chat.served.expect('publish')
  const { served } = await resume(chat)
  const { correlation } = await served.expect('publish')
  return { ...chat, served, publishing, messageId, correlation }
}

/** The window is two minutes. */
async function resumedAtAge(ageMs: number): Promise<{ served: ServedConnection; ending: () => unknown }> {
  const chat = await startInLobby({ connectTimeoutMs: 600_000 })
  const ending = watch(chat.room.publish('hi'))
  await chat.served.expect('publish')
  await lose(chat)
  const [served, { correlation }] = await showTicket(chat)
  chat.clock.advance(ageMs - 125)
  served.send(resumed(correlation, { rooms: [resumedLobby(0, 0)] }))
  return { served, ending }
}

describe('a message without an answer', () => {
  test('is sent again as it was, with its age, and resolves once', async () => {
    const chat = await startInLobby()
    const publishing = chat.room.publish('hi', { priority: 'low' })
    const first = await chat.served.expect('publish')
    chat.clock.advance(300)
    const { served } = await resume(chat)
    const again = await served.expect('publish')
    expect(again).toEqual({ ...first, correlation: again.correlation, ageMs: 425 })
    served.send(ack(again.correlation, 5))
    expect(await publishing).toEqual({ seq: 5, timeMs: 1_700_000_000_005 })
    await served.expectNothing()
  })

  test('goes before what was written meanwhile, in the order of the calls', async () => {
    const chat = await startInLobby()
    const early = ['one', 'two', 'three'].map((text) => chat.room.publish(text))
    const [first] = await published(chat.served, 3)
    chat.served.send(ack(first?.correlation ?? 0, 1))
    await early[0]
    await lose(chat)
    const late = ['four', 'five'].map((text) => chat.room.publish(text))
    const [served, { correlation }] = await showTicket(chat)
    served.send(resumed(correlation, { rooms: [resumedLobby(0, 0)] }))
    for (const [text, seq] of [
      ['two', 2],
      ['three', 3],
    ] as const) {
      const repeat = await served.expect('publish')
      expect(repeat).toMatchObject({ body: Buffer.from(text), ageMs: 125 })
      await served.expectNothing()
      served.send(ack(repeat.correlation, seq))
    }
    const packets = await published(served, 2)
    expect(textsOf(packets)).toEqual(['four', 'five'])
    expect(packets.map(({ ageMs }) => ageMs)).toEqual([undefined, undefined])
    served.send(...packets.map((packet, index) => ack(packet.correlation, index + 4)))
    const all = await Promise.all([...early, ...late])
    expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
  })

  test('is sent again after a new login, too', async () => {
    const chat = await startInLobby()
    void failure(chat.room.publish('hi'))
    const { messageId } = await chat.served.expect('publish')
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    served.send(refused(correlation, ErrorCode.TicketInvalid))
    served.send(authOk({ correlation: (await served.expect('auth')).correlation, ...GRANT }))
    await served.expect('request')
    expect(await served.expect('publish')).toMatchObject({ messageId, ageMs: 125 })
  })

  test('has an id of its own, and bytes that the caller may use again', async () => {
    const chat = await startInLobby()
    const bytes = Buffer.from('first')
    for (const text of ['first', 'other']) {
      bytes.write(text)
      void failure(chat.room.publish(bytes))
    }
    bytes.write('XXXXX')
    const [first, other] = await published(chat.served, 2)
    expect([first?.body.toString(), other?.body.toString()]).toEqual(['first', 'other'])
    expect(first?.messageId).not.toEqual(other?.messageId)
  })

  test('is sent again as old as the window', async () => {
    const { served, ending } = await resumedAtAge(120_000)
    expect(await served.expect('publish')).toMatchObject({ ageMs: 120_000 })
    expect(ending()).toBe('waits')
  })

  test('is not sent again a millisecond later', async () => {
    const { served, ending } = await resumedAtAge(120_001)
    await served.expectNothing()
    expect(ending()).toBe('OUTCOME_UNKNOWN')
  })

  test('grows old while the machine sleeps, and its uptime stands still', async () => {
    const chat = await startInLobby()
    const publishing = failure(chat.room.publish('hi'))
    await chat.served.expect('publish')
    await lose(chat)
    chat.clock.setWallClock(chat.clock.now() + 120_000)
    const [served, { correlation }] = await showTicket(chat)
    served.send(resumed(correlation, { rooms: [resumedLobby(0, 0)] }))
    expect(await publishing).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    await served.expectNothing()
  })

  test('grows no younger when the clock is set back', async () => {
    const chat = await startInLobby()
    void failure(chat.room.publish('hi'))
    await chat.served.expect('publish')
    chat.clock.setWallClock(chat.clock.now() - 60_000)
    const { served } = await resume(chat)
    expect(await served.expect('publish')).toMatchObject({ ageMs: 125 })
  })

  test('is of unknown outcome at once where the server knows no repeats', async () => {
    const chat = await startInLobby({}, { ...GRANT, dedupWindowMs: 0 })
    const publishing = failure(chat.room.publish('hi'))
    await chat.served.expect('publish')
    await lose(chat)
    expect(await publishing).toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: { code: 'CONNECTION_LOST' } })
  })

  test('goes by the window that the server announces last', async () => {
    const chat = await startInLobby()
    const publishing = failure(chat.room.publish('hi'))
    await chat.served.expect('publish')
    const { served } = await resume(chat, { dedupWindowMs: 124 })
    expect(await publishing).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    await served.expectNothing()
  })
})

describe('a repeat that is refused', () => {
  test('for now is sent again later, and nothing overtakes it', async () => {
    const { served, room, clock, publishing, correlation, messageId } = await sentAgain()
    served.send(refused(correlation, ErrorCode.Backpressure, 400))
    await served.expectNothing()
    const next = room.publish('next')
    clock.advance(524)
    await served.expectNothing()
    clock.advance(1)
    const again = await served.expect('publish')
    expect(again).toMatchObject({ messageId, ageMs: 650 })
    await served.expectNothing()
    served.send(ack(again.correlation, 1))
    expect((await publishing).seq).toBe(1)
    const first = await served.expect('publish')
    expect(first).toMatchObject({ body: Buffer.from('next'), ageMs: undefined })
    served.send(ack(first.correlation, 2))
    expect((await next).seq).toBe(2)
  })

  test.each([ErrorCode.LogUnavailable, ErrorCode.Backpressure])(
    'once with %i is stored before what was sent after it',
    async (code) => {
      const chat = await startInLobby()
      const sending = ['A', 'B', 'C'].map((text) => chat.room.publish(text))
      await published(chat.served, 3)
      const { served } = await resume(chat)
      served.send(refused((await served.expect('publish')).correlation, code))
      await served.expectNothing()
      chat.clock.advance(125)
      const stored: string[] = []
      while (stored.length < 3) {
        const { body, correlation } = await served.expect('publish')
        served.send(ack(correlation, stored.push(body.toString())))
      }
      expect(stored).toEqual(['A', 'B', 'C'])
      expect((await Promise.all(sending)).map(({ seq }) => seq)).toEqual([1, 2, 3])
    },
  )

  test('for good holds up nothing that was sent after it', async () => {
    const { served, room, publishing, correlation } = await sentAgain()
    void failure(room.publish('next'))
    served.send(refused(correlation, ErrorCode.OutcomeUnknown))
    expect(await failure(publishing)).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(await served.expect('publish')).toMatchObject({ body: Buffer.from('next') })
  })

  test('for now holds up no other room', async () => {
    const { client, served, correlation } = await sentAgain()
    const joining = client.join('den')
    const { correlation: join, room } = await served.expect('join')
    served.send({ ...joined(join, 0), room })
    const den = await joining
    served.send(refused(correlation, ErrorCode.RateLimited, 400))
    await served.expectNothing()
    void failure(den.publish('elsewhere'))
    expect(await served.expect('publish')).toMatchObject({ room: 'den' })
  })

  test('for now until the window is over is of unknown outcome', async () => {
    const { served, clock, publishing, correlation } = await sentAgain()
    served.send(refused(correlation, ErrorCode.LogUnavailable, 200_000))
    await served.expectNothing()
    // The connection lives on: it is heard now and then.
    for (const ms of [20_000, 20_000, 20_000, 20_000, 20_000, 19_875]) {
      clock.advance(ms)
      await served.expectNothing()
    }
    clock.advance(10)
    expect(await failure(publishing)).toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: { code: 'LOG_UNAVAILABLE' } })
  })

  test.each([ErrorCode.OutcomeUnknown, ErrorCode.NotAMember, ErrorCode.MessageTooLarge, 999])(
    'with %i says nothing of the first try',
    async (code) => {
      const { served, publishing, correlation } = await sentAgain()
      served.send(refused(correlation, code))
      const cause = expect.objectContaining({ errorCode: code }) as unknown
      expect(await failure(publishing)).toMatchObject({ code: 'OUTCOME_UNKNOWN', cause })
    },
  )
})

describe('a first try', () => {
  test.each([ErrorCode.Backpressure, ErrorCode.CommitFailed, ErrorCode.NotAMember])(
    'that is refused with %i is not sent again',
    async (code) => {
      const chat = await startInLobby()
      const publishing = failure(chat.room.publish('hi'))
      chat.served.send(refused((await chat.served.expect('publish')).correlation, code, 70))
      expect(await publishing).toMatchObject({ name: 'ServerError', errorCode: code, retryAfterMs: 70 })
      await chat.served.expectNothing()
    },
  )

  test('that comes too late for a draining server is one on the next connection', async () => {
    const chat = await startInLobby()
    const early = watch(chat.room.publish('one'))
    chat.served.send(refused((await chat.served.expect('publish')).correlation, ErrorCode.Draining))
    await chat.served.expectNothing()
    const late = watch(chat.room.publish('two'))
    await chat.served.expectNothing()
    const { served } = await resume(chat)
    const packets = await published(served, 2)
    expect(textsOf(packets)).toEqual(['one', 'two'])
    expect(packets.map(({ ageMs }) => ageMs)).toEqual([undefined, undefined])
    expect([early(), late()]).toEqual(['waits', 'waits'])
  })

  test('is not made after GOAWAY, and what was sent before is still answered', async () => {
    const chat = await startInLobby()
    const before = chat.room.publish('before')
    const { correlation } = await chat.served.expect('publish')
    chat.served.send({ kind: 'goAway', code: CloseCode.ShuttingDown, slotMs: 0, deadlineMs: 9000, target: '' })
    await chat.served.expectNothing()
    void failure(chat.room.publish('after'))
    await chat.served.expectNothing()
    chat.served.send(ack(correlation, 1))
    expect((await before).seq).toBe(1)
    const { served } = await resume(chat)
    expect(await served.expect('publish')).toMatchObject({ body: Buffer.from('after'), ageMs: undefined })
  })

  test('waits no longer than its deadline', async () => {
    const chat = await startInLobby()
    await lose(chat)
    const ending = watch(chat.room.publish('hi', { deadlineMs: 100 }))
    chat.clock.advance(99)
    await Promise.resolve()
    expect(ending()).toBe('waits')
    chat.clock.advance(1)
    await expect.poll(ending).toBe('DEADLINE_EXCEEDED')
    const [served, { correlation }] = await showTicket(chat)
    served.send(resumed(correlation, { rooms: [resumedLobby(0, 0)] }))
    await served.expectNothing()
  })

  test('is cancelled at its deadline', async () => {
    const chat = await startInLobby()
    const publishing = failure(chat.room.publish('hi', { deadlineMs: 1000 }))
    const { correlation } = await chat.served.expect('publish')
    chat.clock.advance(1000)
    expect(await publishing).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(await chat.served.expect('cancel')).toMatchObject({ correlation })
  })
})

describe('the buffer', () => {
  test('takes so many messages, and one more when one is answered', async () => {
    const chat = await startInLobby({ sendBuffer: { maxItems: 3, maxBytes: 1000 } })
    const [first] = ['one', 'two', 'three'].map((text) => chat.room.publish(text).catch(() => undefined))
    const error = await failure(chat.room.publish('four'))
    expect(error).toMatchObject({ code: 'SEND_BUFFER_FULL', message: expect.stringMatching(/maxItems/) as unknown })
    const [{ correlation } = { correlation: 0 }] = await published(chat.served, 3)
    chat.served.send(ack(correlation, 1))
    await first
    void failure(chat.room.publish('five'))
    expect(await chat.served.expect('publish')).toMatchObject({ body: Buffer.from('five') })
  })

  test('takes so many bytes, with a connection or without', async () => {
    const chat = await startInLobby({ sendBuffer: { maxItems: 10, maxBytes: 10 } })
    const held = [watch(chat.room.publish('123456'))]
    await chat.served.expect('publish')
    await lose(chat)
    const error = await failure(chat.room.publish('12345'))
    expect(error).toMatchObject({ code: 'SEND_BUFFER_FULL', message: expect.stringMatching(/maxBytes/) as unknown })
    held.push(watch(chat.room.publish('1234')), watch(chat.room.publish('')))
    await Promise.resolve()
    expect(held.map((ending) => ending())).toEqual(['waits', 'waits', 'waits'])
  })

  test('is emptied at the pace of the outbox, in order', async () => {
    const chat = await startInLobby({ maxOutboxBytes: 600 })
    await lose(chat)
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(100))
    const endings = texts.map((text) => watch(chat.room.publish(text)))
    const [served, { correlation }] = await showTicket(chat)
    served.send(resumed(correlation, { rooms: [resumedLobby(0, 0)] }))
    expect(textsOf(await published(served, 20))).toEqual(texts)
    expect(new Set(endings.map((ending) => ending()))).toEqual(new Set(['waits']))
  })

  test('sends nothing that came too late, and what waits before it all the same', async () => {
    const chat = await startInLobby({ maxOutboxBytes: 1200 })
    void failure(chat.room.publish('written'.padEnd(500)))
    void failure(chat.room.publish('waits'.padEnd(600)))
    const late = failure(chat.room.publish('late', { deadlineMs: 0 }))
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    const packets = await published(chat.served, 2)
    expect(textsOf(packets).map((text) => text.trim())).toEqual(['written', 'waits'])
    await chat.served.expectNothing()
  })
})

describe('the end', () => {
  test('tells what may be in the log from what was never sent', async () => {
    const chat = await startInLobby()
    const sent = failure(chat.room.publish('sent'))
    await chat.served.expect('publish')
    await lose(chat)
    const unsent = failure(chat.room.publish('unsent'))
    await chat.client.close()
    expect(await sent).toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: { code: 'CLOSED' } })
    expect(await unsent).toMatchObject({ code: 'NOT_CONNECTED', cause: { code: 'CLOSED' } })
    expect(await failure(chat.room.publish('late'))).toMatchObject({ code: 'NOT_CONNECTED' })
    expect(chat.clock.timers).toBe(0)
  })

  test('by the server is the cause of the doubt', async () => {
    const chat = await startInLobby()
    const sent = failure(chat.room.publish('sent'))
    await chat.served.expect('publish')
    chat.served.closeWith(CloseCode.TakenOver)
    expect(await sent).toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: { code: 'TAKEN_OVER' } })
  })
})
