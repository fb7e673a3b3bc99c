import { expect, test } from 'vitest'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { ChatUser } from '../support/chat-user.js'
import type { RawClient } from '../support/raw-client.js'
import { besideBystanders, type Scene } from './bystanders.js'

const LIMIT = { NESTWIRE_HALF_FRAME_TIMEOUT_MS: '5000' }
const ping = encodePacket({ kind: 'ping', correlation: 9 })

/** Behind a PING in the same write, so that its PONG proves that the server has these bytes. */
async function leaveHalf(client: RawClient, bytes: number): Promise<void> {
  client.sendBytes(Buffer.concat([ping, ping.subarray(0, bytes)]))
  await client.expect('pong')
}

const offenders: Readonly<Record<string, (scene: Scene) => Promise<RawClient | ChatUser>>> = {
  'before login': ({ greeted }) => greeted(),
  'after login': ({ mallory }) => mallory(),
}

for (const [when, offender] of Object.entries(offenders)) {
  for (const bytes of [1, 15, 16, ping.length - 1]) {
    test(`${bytes} bytes of a frame ${when} and silence is HalfFrameTimeout`, () =>
      besideBystanders(async (scene) => {
        const client = await offender(scene)
        await leaveHalf(client, bytes)
        scene.clock.advance(4_900)
        expect(client.inbox).toEqual([])
        await scene.chatter()
        scene.clock.advance(500)
        await client.expectClosedAtLast('HalfFrameTimeout')
        client.end()
      }, LIMIT))
  }
}

test('a frame that is finished just in time is handled', () =>
  besideBystanders(async (scene) => {
    const client = await scene.mallory()
    await leaveHalf(client, 7)
    scene.clock.advance(4_900)
    client.sendBytes(ping.subarray(7))
    await client.expect('pong')
    scene.clock.advance(10_000)
    await client.expectNothing()
    client.reset()
  }, LIMIT))
