import { Controller } from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'
import { NEVER } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { startTransport, type TransportHarness } from '../support/transport-harness.js'

const FRAMES_PER_TURN = 128

@Controller()
class EndlessController {
  @MessagePattern('endless')
  endless(): typeof NEVER {
    return NEVER
  }
}

/** Frames the server has handled in each turn of the event loop in which it handled any. */
function framesByTurn({ server }: TransportHarness): readonly number[] {
  const turns: number[] = []
  let before = server.counters.framesReceived
  let next = setImmediate(look)
  function look(): void {
    const now = server.counters.framesReceived
    if (now > before) turns.push(now - before)
    before = now
    next = setImmediate(look)
  }
  onTestFinished(() => clearImmediate(next))
  return turns
}

const pings = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => encodePacket({ kind: 'ping', correlation: index + 1 })))

test('handles 128 frames of one connection in a turn, and the next in another', async () => {
  const harness = await startTransport({ module: {} })
  const client = await harness.greeted()
  const turns = framesByTurn(harness)
  client.sendBytes(pings(FRAMES_PER_TURN + 1))
  for (let answered = 0; answered <= FRAMES_PER_TURN; answered += 1) await client.expect('pong')
  expect(turns).toEqual([FRAMES_PER_TURN, 1])
})

test('answers one that came behind a thousand frames of another before those are through', async () => {
  const harness = await startTransport({ module: {} })
  const [loud, other] = [await harness.greeted(), await harness.greeted()]
  const turns = framesByTurn(harness)
  loud.sendBytes(pings(1_000))
  other.sendBytes(pings(1))
  await other.expect('pong')
  expect(turns.reduce((sum, frames) => sum + frames, 0)).toBeLessThan(1_000)
  for (let answered = 0; answered < 1_000; answered += 1) await loud.expect('pong')
  expect(Math.max(...turns)).toBeLessThanOrEqual(FRAMES_PER_TURN + 1)
})

test('sixteen who flood share the 512 frames of a turn, and one who does not is answered in it', async () => {
  const harness = await startTransport({ module: {} })
  const crowd = await Promise.all(Array.from({ length: 16 }, () => harness.greeted()))
  const other = await harness.greeted()
  const turns = framesByTurn(harness)
  for (const one of crowd) one.sendBytes(pings(1_000))
  // Some have had a turn of their own before the others came.
  await crowd[15]?.expect('pong')
  other.sendBytes(pings(1))
  await other.expect('pong')
  const before = turns.length
  for (const one of crowd)
    for (let answered = one === crowd[15] ? 1 : 0; answered < 1_000; answered += 1) await one.expect('pong')
  // Whoever comes after one that is through has a larger share already.
  expect(Math.max(...turns.slice(before))).toBeLessThan(1_024)
})

test('reads on behind more than half of the requests that it takes, though none of them ends', async () => {
  const harness = await startTransport({ module: { controllers: [EndlessController] } })
  const client = await harness.greeted()
  const request = {
    kind: 'request',
    priority: 0,
    deadlineMs: undefined,
    metadata: undefined,
    pattern: 'endless',
  } as const
  const requests = Array.from({ length: 1_000 }, (_, index) =>
    encodePacket({ ...request, correlation: index + 1, body: encodeBody(0) }),
  )
  client.sendBytes(Buffer.concat([...requests, pings(1)]))
  await client.expect('pong')
  expect(harness.server.requests.inFlight).toBe(1_000)
})
