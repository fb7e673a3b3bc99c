import { Controller } from '@nestjs/common'
import { MessagePattern, Payload } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'
import { countWrites } from '../support/count-writes.js'
import { startTransport } from '../support/transport-harness.js'

@Controller()
class EchoController {
  @MessagePattern('now')
  now(): string {
    return 'now'
  }
  @MessagePattern('sized')
  sized(@Payload() bytes: number): Buffer {
    return Buffer.alloc(bytes)
  }
  @MessagePattern('soon')
  async soon(): Promise<string> {
    await Promise.resolve()
    return 'soon'
  }
}

const request = (pattern: string, index: number, data = 0): Packet => ({
  kind: 'request',
  correlation: index + 1,
  priority: 0,
  deadlineMs: undefined,
  metadata: undefined,
  pattern,
  body: encodeBody(data),
})

async function start() {
  const harness = await startTransport({ module: { controllers: [EchoController] } })
  let writes = (): number => 0
  harness.server.on('connection', (socket) => (writes = countWrites(socket)))
  const client = await harness.greeted()
  return { client, writes: () => writes() }
}

test('answers of one tick leave in one write', async () => {
  const { client, writes } = await start()
  const before = writes()
  client.send(...Array.from({ length: 20 }, (_, index) => request(index % 2 === 0 ? 'now' : 'soon', index)))
  for (let answered = 0; answered < 20; answered += 1) await client.expect('reply')
  expect([before, writes()]).toEqual([1, 2])
})

test.each([
  [32, 1],
  [33, 2],
])('%i answers of one tick leave in %i writes', async (answers, expected) => {
  const { client, writes } = await start()
  const before = writes()
  client.send(...Array.from({ length: answers }, (_, index) => request('now', index)))
  for (let answered = 0; answered < answers; answered += 1) await client.expect('reply')
  expect(writes() - before).toBe(expected)
})

const overheadBytes =
  encodePacket({ kind: 'reply', correlation: 1, body: encodeBody(Buffer.alloc(1000)) }).length - 1000

test.each([
  [16 * 1024, 2],
  [16 * 1024 - 1, 1],
])('an answer of %i bytes and a small one leave in %i writes', async (frameBytes, expected) => {
  const { client, writes } = await start()
  const before = writes()
  client.send(request('sized', 0, frameBytes - overheadBytes), request('now', 1))
  for (let answered = 0; answered < 2; answered += 1) await client.expect('reply')
  expect(writes() - before).toBe(expected)
})

test.each([
  [8 * 1024, 'one buffer'],
  [8 * 1024 + 1, 'the frames as they are'],
])('two answers of %i bytes in all leave as %s', async (bytes, written) => {
  const harness = await startTransport({ module: { controllers: [EchoController] } })
  const gathered: number[] = []
  harness.server.on('connection', (socket) => {
    const writeMany = socket._writev?.bind(socket)
    socket._writev = (chunks, done) => {
      gathered.push(chunks.length)
      writeMany?.(chunks, done)
    }
  })
  const client = await harness.greeted()
  const first = 4 * 1024
  client.send(request('sized', 0, first - overheadBytes), request('sized', 1, bytes - first - overheadBytes))
  for (let answered = 0; answered < 2; answered += 1) await client.expect('reply')
  expect(gathered).toEqual(written === 'one buffer' ? [] : [2])
})
