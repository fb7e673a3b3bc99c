/** Who listens from a position in a room that is read already, on a server that refuses the history for now. */
import { ChatService, type RoomItem } from 'nestwire'
import { expect, onTestFinished, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { trustedSeq } from '../../src/protocol/ids.js'
import { GapReason } from '../../src/protocol/packets.js'
import {
  deliver,
  EPOCH,
  historyReply,
  joined,
  LOBBY,
  refused,
  ScriptedServer,
  texts,
  type PacketOf,
  type ServedConnection,
} from '../client/scripted-server.js'
import { ManualClock } from '../support/manual-clock.js'

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function watch(chat: ChatService, after?: number) {
  const seqs: number[] = []
  let end: unknown
  const subscription = chat.onMessage('lobby', after === undefined ? {} : { after }).subscribe({
    next: (item: RoomItem) => seqs.push(item.kind === 'gap' ? -1 : item.seq),
    error: (error: unknown) => (end = error),
  })
  onTestFinished(() => subscription.unsubscribe())
  return { seqs, end: () => end, stop: () => subscription.unsubscribe() }
}

/** A room of five records with one listener, to which a late one comes that has the first two. Dice say 0: no jitter. */
async function meet() {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const chat = new ChatService({ port: server.port, token: 'token', clock, random: () => 0 })
  onTestFinished(() => chat.close())
  const first = watch(chat)
  const served = await server.admit()
  served.send(joined((await served.expect('join')).correlation, 5))
  await served.expectNothing()
  return { chat, clock, served, first, late: watch(chat, 2) }
}

/** The next request is for the history after this seq. */
async function asked(served: ServedConnection, after: number): Promise<number> {
  const { pattern, body, correlation }: PacketOf<'request'> = await served.expect('request')
  expect([pattern, decodeBody(body)]).toEqual(['chat.history', { room: 'lobby', after }])
  return correlation
}

const answer = (served: ServedConnection, correlation: number, seqs: readonly number[]): void =>
  served.send({ kind: 'reply', correlation, body: encodeBody(historyReply(texts(seqs))) })

test.each(['Backpressure', 'RateLimited', 'LogUnavailable'] as const)(
  'a history refused with %s is asked for again after the time that the server names',
  async (code) => {
    const { clock, served, late } = await meet()
    served.send(refused(await asked(served, 2), ErrorCode[code], 500))
    await served.expectNothing()
    clock.advance(499)
    await served.expectNothing()
    clock.advance(1)
    answer(served, await asked(served, 2), [3, 4, 5])
    answer(served, await asked(served, 5), [])
    await served.expectNothing()
    served.send(deliver([6]))
    await expect.poll(() => late.seqs).toEqual([3, 4, 5, 6])
  },
)

test('nobody waits for who is refused at its last part, and it misses nothing', async () => {
  const { clock, served, first, late } = await meet()
  answer(served, await asked(served, 2), [3, 4, 5])
  const last = await asked(served, 5)
  served.send(deliver([6]))
  await expect.poll(() => first.seqs).toEqual([6])
  served.send(deliver([7]))
  await served.expectNothing()
  expect(first.seqs).toEqual([6])
  served.send(refused(last, ErrorCode.LogUnavailable, 500))
  await expect.poll(() => first.seqs).toEqual([6, 7])
  expect(late.seqs).toEqual([3, 4, 5])
  clock.advance(500)
  answer(served, await asked(served, 5), [6, 7])
  answer(served, await asked(served, 7), [])
  await served.expectNothing()
  served.send(deliver([8]))
  await expect.poll(() => late.seqs).toEqual([3, 4, 5, 6, 7, 8])
  expect(first.seqs).toEqual([6, 7, 8])
})

test('a gap in what the others still have to read is none for who has read the records behind it', async () => {
  const { served, first, late } = await meet()
  answer(served, await asked(served, 2), [3, 4, 5, 6, 7, 8])
  answer(served, await asked(served, 8), [])
  await served.expectNothing()
  const gap = { room: LOBBY, epoch: EPOCH, from: trustedSeq(5), to: trustedSeq(7) }
  served.send({ kind: 'gap', ...gap, reason: GapReason.Trimmed }, deliver([8, 9]))
  await expect.poll(() => first.seqs).toEqual([-1, 8, 9])
  expect(late.seqs).toEqual([3, 4, 5, 6, 7, 8, 9])
})

test('a gap that begins in what a late listener has read begins for it behind that', async () => {
  const { chat, served, first } = await meet()
  answer(served, await asked(served, 2), [3, 4, 5, 6])
  answer(served, await asked(served, 6), [])
  const items: RoomItem[] = []
  const listening = chat.onMessage('lobby', { after: 4 }).subscribe((item) => items.push(item))
  onTestFinished(() => listening.unsubscribe())
  answer(served, await asked(served, 4), [5, 6])
  answer(served, await asked(served, 6), [])
  await served.expectNothing()
  const gap = { room: LOBBY, epoch: EPOCH, from: trustedSeq(5), to: trustedSeq(7) }
  served.send({ kind: 'gap', ...gap, reason: GapReason.Trimmed }, deliver([8]))
  await expect.poll(() => first.seqs).toEqual([-1, 8])
  expect(items.map((item) => (item.kind === 'gap' ? [item.from, item.to] : item.seq))).toEqual([5, 6, [6, 7], 8])
})

test('what the log forgot before a late listener came is a gap for it, told before what comes next', async () => {
  const { chat, served, first, late } = await meet()
  for (const _ of ['from afar', 'at last']) answer(served, await asked(served, 2), [])
  const items = chat.messages('lobby', { after: 4 })[Symbol.asyncIterator]()
  onTestFinished(async () => void (await items.return?.()))
  const next = items.next()
  for (const _ of ['from afar', 'at last']) answer(served, await asked(served, 4), [])
  await served.expectNothing()
  served.send(deliver([6, 7]))
  expect((await next).value).toEqual({ kind: 'gap', room: 'lobby', from: 4, to: 5, reason: 'trimmed' })
  expect([(await items.next()).value, (await items.next()).value]).toMatchObject([{ seq: 6 }, { seq: 7 }])
  expect(late.seqs).toEqual([-1, 6, 7])
  expect(first.seqs).toEqual([6, 7])
})

test('what lies between it and a gap of the others is a gap, too', async () => {
  const { served, first, late } = await meet()
  for (const _ of ['from afar', 'at last']) answer(served, await asked(served, 2), [])
  await served.expectNothing()
  const gap = { room: LOBBY, epoch: EPOCH, from: trustedSeq(5), to: trustedSeq(7) }
  served.send({ kind: 'gap', ...gap, reason: GapReason.Trimmed }, deliver([8]))
  await expect.poll(() => first.seqs).toEqual([-1, 8])
  expect(late.seqs).toEqual([-1, -1, 8])
})

test('what a page of the history leaves out in its middle is unavailable', async () => {
  const { chat, served } = await meet()
  for (const _ of ['from afar', 'at last']) answer(served, await asked(served, 2), [])
  const items = chat.records('lobby', { after: 2 })[Symbol.asyncIterator]()
  const next = items.next()
  const { correlation } = await served.expect('request')
  served.send({ kind: 'reply', correlation, body: encodeBody(historyReply([...texts([3]), ...texts([5])])) })
  const gap = { kind: 'gap', room: 'lobby', from: 3, to: 4, reason: 'unavailable' }
  const values = [await next, await items.next(), await items.next(), await items.next()].map(({ value }) => value)
  expect(values).toMatchObject([{ seq: 3 }, gap, { seq: 5 }, undefined])
})

test('of a log that was begun anew while it waits it hears what the others hear', async () => {
  const { served, first, late } = await meet()
  answer(served, await asked(served, 2), [3, 4, 5])
  served.send(refused(await asked(served, 5), ErrorCode.LogUnavailable, 500))
  await served.expectNothing()
  served.send(deliver([1, 2, 3], { epoch: EPOCH + 1, firstPrev: 0 }))
  await expect.poll(() => first.seqs).toEqual([-1, 1, 2, 3])
  await expect.poll(() => late.seqs).toEqual([3, 4, 5, -1, 1, 2, 3])
  await served.expectNothing()
})

test('of a log that was begun anew it hears no page that was under way', async () => {
  const { served, first, late } = await meet()
  const page = await asked(served, 2)
  served.send(deliver([1], { epoch: EPOCH + 1, firstPrev: 0 }))
  await served.expectNothing()
  answer(served, page, [3, 4, 5])
  await expect.poll(() => first.seqs).toEqual([-1, 1])
  await expect.poll(() => late.seqs).toEqual([-1, 1])
  await served.expectNothing()
})

test('a refusal that lasts ends the listener with it, the others go on', async () => {
  const { served, first, late } = await meet()
  served.send(refused(await asked(served, 2), ErrorCode.Banned))
  await expect.poll(late.end).toMatchObject({ code: 'BANNED' })
  served.send(deliver([6]))
  await expect.poll(() => first.seqs).toEqual([6])
})

test('who leaves while it waits asks no more, and leaves no timer', async () => {
  const { clock, served, late } = await meet()
  served.send(refused(await asked(served, 2), ErrorCode.Backpressure, 500))
  await served.expectNothing()
  const timers = clock.timers
  late.stop()
  await settle()
  expect(clock.timers).toBe(timers - 1)
  clock.advance(1000)
  await served.expectNothing()
})
