import { expect, test } from 'vitest'
import { MAX_HANDSHAKE_FRAME_BYTES } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { auth, request } from '../support/chat-user.js'
import { RawClient } from '../support/raw-client.js'
import { besideBystanders, expectEnd } from './bystanders.js'
import { header, payloadOf } from './wire-bytes.js'

const MAX_FRAME_BYTES = 65_536

/** A request of exactly so many bytes of payload. */
function requestOf(payloadBytes: number) {
  const empty = payloadOf(request('auth.whoami', undefined, 1)).length
  // A MessagePack `bin 16` costs three bytes beside its content.
  return request('auth.whoami', Buffer.alloc(payloadBytes - empty - 3), 1)
}

test('before login a frame of 4,096 bytes is read', () =>
  besideBystanders(async ({ greeted }) => {
    const client = await greeted()
    const token = 'x'.repeat(MAX_HANDSHAKE_FRAME_BYTES - payloadOf(auth('', 1)).length)
    const packet = auth(token, 1)
    expect(payloadOf(packet)).toHaveLength(MAX_HANDSHAKE_FRAME_BYTES)
    const error = await client.ask(packet, 'error')
    expect(error.code).toBe(ErrorCode.TokenInvalid)
    await expectEnd(client, 'AuthRejected')
  }))

test('before login a length of 4,097 is FrameTooLarge at the header', () =>
  besideBystanders(async ({ port, greeted }) => {
    for (const client of [await RawClient.connect(port), await greeted()]) {
      client.sendBytes(header({ type: 1, length: MAX_HANDSHAKE_FRAME_BYTES + 1 }))
      await expectEnd(client, 'FrameTooLarge')
    }
  }))

test('after login a frame of maxFrameBytes is read', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    const packet = requestOf(MAX_FRAME_BYTES)
    expect(payloadOf(packet)).toHaveLength(MAX_FRAME_BYTES)
    expect((await client.ask(packet, 'error')).code).toBe(ErrorCode.BadPayload)
    await client.expectNothing()
    client.reset()
  }))

test('after login a length of one more is FrameTooLarge at the header', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    client.sendBytes(header({ type: 2, length: MAX_FRAME_BYTES + 1 }))
    await expectEnd(client, 'FrameTooLarge')
  }))

test('the frame behind AUTH in one write may be as large as any after login', () =>
  besideBystanders(async ({ greeted, tokenOf }) => {
    const client = await greeted()
    client.send(auth(await tokenOf('mallory'), 1), requestOf(MAX_FRAME_BYTES))
    await client.expect('authOk')
    expect((await client.expect('error')).code).toBe(ErrorCode.BadPayload)
    client.reset()
  }))

test('a length of 4 GiB is FrameTooLarge and costs no memory', () =>
  besideBystanders(async ({ port, greeted, mallory }) => {
    const claim = header({ type: 2, length: 0xffff_ffff })
    const before = process.memoryUsage().arrayBuffers
    for (const client of [await RawClient.connect(port), await greeted(), await mallory()]) {
      client.sendBytes(Buffer.concat([claim, encodePacket(request('auth.whoami', undefined, 1))]))
      await expectEnd(client, 'FrameTooLarge')
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
  }))
