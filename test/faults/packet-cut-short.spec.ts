import { test } from 'vitest'
import { request } from '../support/chat-user.js'
import { examplePackets } from '../support/example-packets.js'
import { besideBystanders, expectEnd } from './bystanders.js'
import { frame, payloadOf, typeOf } from './wire-bytes.js'

test('a frame that holds less than a preamble is TruncatedPacket', () =>
  besideBystanders(async ({ greeted, mallory }) => {
    for (let bytes = 0; bytes < 6; bytes += 1) {
      for (const client of [await greeted(), await mallory()]) {
        client.sendBytes(frame(1, Buffer.alloc(bytes, 0xff)))
        await expectEnd(client, 'TruncatedPacket')
      }
    }
  }))

test('a packet whose last field is cut is TruncatedPacket', () =>
  besideBystanders(async ({ mallory }) => {
    const { auth, join, position } = examplePackets
    for (const packet of [...auth, ...join, ...position]) {
      const client = await mallory()
      client.sendBytes(frame(typeOf(packet), payloadOf(packet).subarray(0, -1)))
      await expectEnd(client, 'TruncatedPacket')
    }
  }))

test('a pattern longer than its packet is TruncatedPacket', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    const payload = Buffer.from(payloadOf(request('auth.whoami', undefined, 1)))
    payload.writeUInt16BE(0xffff, 6)
    client.sendBytes(frame(2, payload))
    await expectEnd(client, 'TruncatedPacket')
  }))
