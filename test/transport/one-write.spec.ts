import { Controller } from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { NestwireServer } from '../../src/transport/nestwire-server.js'
import { startTransport } from '../support/transport-harness.js'

@Controller()
class EchoController {
  @MessagePattern('now')
  now(): string {
    return 'now'
  }
  @MessagePattern('soon')
  async soon(): Promise<string> {
    await Promise.resolve()
    return 'soon'
  }
}

const request = (pattern: string, index: number): Packet => ({
  kind: 'request',
  correlation: index + 1,
  priority: 0,
  deadlineMs: undefined,
  metadata: undefined,
  pattern,
  body: encodeBody(0),
})

/** How often any socket of this server hands bytes to the kernel, from its first connection on. */
function countWrites(server: NestwireServer): () => number {
  let writes = 0
  server.on('connection', (socket) => {
    const write = socket._write.bind(socket)
    const writeMany = socket._writev?.bind(socket)
    socket._write = (...args) => {
      writes += 1
      write(...args)
    }
    socket._writev = (...args) => {
      writes += 1
      writeMany?.(...args)
    }
  })
  return () => writes
}

test('answers of one tick leave in one write', async () => {
  const harness = await startTransport({ module: { controllers: [EchoController] } })
  const writes = countWrites(harness.server)
  const client = await harness.greeted()
  const before = writes()
  client.send(...Array.from({ length: 20 }, (_, index) => request(index % 2 === 0 ? 'now' : 'soon', index)))
  for (let answered = 0; answered < 20; answered += 1) await client.expect('reply')
  expect([before, writes()]).toEqual([1, 2])
})
