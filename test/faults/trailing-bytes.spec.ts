import { test } from 'vitest'
import { examplePackets } from '../support/example-packets.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, expectEnd } from './bystanders.js'
import { frame, payloadOf, typeOf } from './wire-bytes.js'

test('a byte behind the last field is TrailingBytes', () =>
  besideBystanders(async ({ mallory }) => {
    const { auth, ping, pong, close, position, cancel, join } = examplePackets
    for (const packet of [...auth, ...ping, ...pong, ...close, ...position, ...cancel, ...join]) {
      const client = await mallory()
      client.sendBytes(frame(typeOf(packet), Buffer.concat([payloadOf(packet), Buffer.of(0)])))
      await expectEnd(client, 'TrailingBytes')
    }
  }))

test('a HELLO with something behind it is TrailingBytes', () =>
  besideBystanders(async ({ greeted }) => {
    const client = await greeted()
    client.sendBytes(frame(1, Buffer.concat([payloadOf(hello()), Buffer.of(0)])))
    await expectEnd(client, 'TrailingBytes')
  }))
