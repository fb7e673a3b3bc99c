/** How much leaves at a time: of one outbox, and in one tick of all. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Outbox, TickFlusher } from '../../src/transport/outbox.js'

async function connectedSocket(hear: (chunk: Buffer) => void = () => undefined): Promise<Socket> {
  const server = createServer((socket) => socket.on('data', hear))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  return socket
}

const nobody = { outboxFlushed: () => undefined }
const CHUNK_BYTES = 64 * 1024

test.each([
  [CHUNK_BYTES - 1, 2],
  [CHUNK_BYTES, 1],
])('a socket is handed frames until 64 KiB are reached: of %i bytes each it is %i', async (frameBytes, handed) => {
  const socket = await connectedSocket()
  const outbox = new Outbox(socket, new TickFlusher(), nobody)
  for (let frame = 0; frame < 3; frame += 1) outbox.offer(Buffer.alloc(frameBytes), Infinity)
  outbox.flush()
  expect(socket.bytesWritten).toBe(handed * frameBytes)
  expect(outbox.queuedBytes - socket.writableLength).toBe((3 - handed) * frameBytes)
})

const TICK_OUTBOXES = 64

test.each([
  [TICK_OUTBOXES, [64, 64]],
  [TICK_OUTBOXES + 1, [64, 65]],
])('of %i outboxes 64 are written at the end of the tick', async (count, writtenByTick) => {
  const socket = await connectedSocket()
  const flusher = new TickFlusher()
  for (let n = 0; n < count; n += 1) new Outbox(socket, flusher, nobody).offer(Buffer.of(0), Infinity)
  const written: number[] = []
  for (let tick = 0; tick < 2; tick += 1) {
    await new Promise(setImmediate)
    written.push(socket.bytesWritten)
  }
  expect(written).toEqual(writtenByTick)
})

test('what was marked before a slice keeps its turn at the end of the tick', async () => {
  const socket = await connectedSocket()
  const flusher = new TickFlusher()
  const offer = (bytes: number): void => void new Outbox(socket, flusher, nobody).offer(Buffer.alloc(bytes), Infinity)
  offer(1)
  const { marked } = flusher
  for (let n = 0; n < 3; n += 1) offer(10)
  flusher.flushBehind(marked)
  expect([socket.bytesWritten, flusher.marked]).toEqual([30, 1])
  await new Promise(setImmediate)
  expect([socket.bytesWritten, flusher.marked]).toEqual([31, 0])
})

test('an answer is written before deliveries that came earlier, in the order of answers', async () => {
  const chunks: Buffer[] = []
  const socket = await connectedSocket((chunk) => chunks.push(chunk))
  const outbox = new Outbox(socket, new TickFlusher(), nobody)
  for (const text of ['d1 ', 'd2 ']) outbox.deliver(Buffer.from(text), Infinity)
  for (const text of ['a1 ', 'a2 ']) outbox.offerAhead(Buffer.from(text))
  outbox.deliver(Buffer.from('d3 '), Infinity)
  expect(outbox.queuedBytes).toBe(15)
  outbox.flush()
  expect(outbox.queuedBytes - socket.writableLength).toBe(0)
  await expect.poll(() => Buffer.concat(chunks).toString()).toBe('a1 a2 d1 d2 d3 ')
})

test('answers keep their order, whatever is queued between them', async () => {
  const chunks: Buffer[] = []
  const socket = await connectedSocket((chunk) => chunks.push(chunk))
  const outbox = new Outbox(socket, new TickFlusher(), nobody)
  outbox.offerAhead(Buffer.from('a1 '))
  outbox.deliver(Buffer.from('d1 '), Infinity)
  outbox.offerAhead(Buffer.from('a2 '))
  outbox.offerAhead(Buffer.from('a3 '))
  outbox.flush()
  expect(outbox.queuedBytes - socket.writableLength).toBe(0)
  await expect.poll(() => Buffer.concat(chunks).toString()).toBe('a1 a2 a3 d1 ')
})

test('an answer that waits for a socket is written before the deliveries that wait with it', async () => {
  const chunks: Buffer[] = []
  const socket = await connectedSocket((chunk) => chunks.push(chunk))
  const outbox = new Outbox(socket, new TickFlusher(), nobody)
  outbox.deliver(Buffer.alloc(CHUNK_BYTES, '.'), Infinity)
  outbox.deliver(Buffer.from('late'), Infinity)
  outbox.flush()
  outbox.offerAhead(Buffer.from('first'))
  while (outbox.queuedBytes > 0) {
    outbox.flush()
    await new Promise(setImmediate)
  }
  await expect.poll(() => Buffer.concat(chunks).subarray(CHUNK_BYTES).toString()).toBe('firstlate')
})

test('answers leave before the last words', async () => {
  const chunks: Buffer[] = []
  const socket = await connectedSocket((chunk) => chunks.push(chunk))
  const outbox = new Outbox(socket, new TickFlusher(), nobody)
  outbox.deliver(Buffer.from('data '), Infinity)
  outbox.offerAhead(Buffer.from('answer '))
  outbox.end(Buffer.from('close'), true)
  await expect.poll(() => Buffer.concat(chunks).toString()).toBe('answer data close')
})
