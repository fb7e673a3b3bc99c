import { test } from 'vitest'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { RawClient, hello } from '../support/raw-client.js'
import { besideBystanders, expectEnd } from './bystanders.js'

const ping = encodePacket({ kind: 'ping', correlation: 9 })

for (const bytes of [1, 15, 16, ping.length - 1]) {
  test(`FIN after ${bytes} bytes of a frame is EofInFrame`, () =>
    besideBystanders(async ({ port, greeted, mallory }) => {
      for (const client of [await RawClient.connect(port), await greeted(), await mallory()]) {
        client.sendBytes(ping.subarray(0, bytes))
        client.end()
        await client.expectClosed('EofInFrame')
      }
    }))
}

test('FIN between frames is an orderly end, after the answers', () =>
  besideBystanders(async ({ port, mallory }) => {
    const nobody = await RawClient.connect(port)
    nobody.end()
    await expectEnd(nobody, 'Normal')
    const stranger = await RawClient.connect(port)
    stranger.send(hello())
    stranger.end()
    await stranger.expect('welcome')
    await expectEnd(stranger, 'Normal')
    const client = await mallory()
    client.sendBytes(Buffer.concat([ping, ping]))
    client.end()
    await client.expect('pong')
    await client.expect('pong')
    await client.expectClosed('Normal')
  }))
