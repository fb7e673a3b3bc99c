import { test } from 'vitest'
import { allExamplePackets } from '../support/example-packets.js'
import { besideBystanders, expectEnd } from './bystanders.js'
import { frame, payloadOf, typeOf } from './wire-bytes.js'

test('an operation in a frame of the other type is WrongFrameType', () =>
  besideBystanders(async ({ greeted }) => {
    for (const packet of allExamplePackets) {
      const client = await greeted()
      client.sendBytes(frame(3 - typeOf(packet), payloadOf(packet)))
      await expectEnd(client, 'WrongFrameType')
    }
  }))

test('the same holds after login', () =>
  besideBystanders(async ({ mallory }) => {
    for (const packet of allExamplePackets) {
      const client = await mallory()
      client.sendBytes(frame(3 - typeOf(packet), payloadOf(packet)))
      await expectEnd(client, 'WrongFrameType')
    }
  }))
