/** How much leaves at a time: of one outbox, and in one tick of all. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Outbox, TickFlusher } from '../../src/transport/outbox.js'

async function connectedSocket(): Promise<Socket> {
  const server = createServer((socket) => socket.resume())
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

const TICK_OUTBOXES = 256

test.each([
  [TICK_OUTBOXES, [256, 256]],
  [TICK_OUTBOXES + 1, [256, 257]],
])('of %i outboxes 256 are written at the end of the tick', async (count, writtenByTick) => {
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
