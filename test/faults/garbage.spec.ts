import { test } from 'vitest'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { RawClient, hello } from '../support/raw-client.js'
import { besideBystanders, expectEnd } from './bystanders.js'
import { header } from './wire-bytes.js'

const garbage: Readonly<Record<string, Buffer>> = {
  'a zero byte': Buffer.of(0),
  'an HTTP request': Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'),
  'a TLS greeting': Buffer.from('16030100c8010000c40303', 'hex'),
  'a magic with its last byte wrong': Buffer.from('deadbeee', 'hex'),
  'a magic in the other byte order': Buffer.from('efbeadde', 'hex'),
  'a megabyte of noise': Buffer.alloc(1024 * 1024, 'noise'),
}

for (const [what, bytes] of Object.entries(garbage)) {
  test(`${what} instead of HELLO is BadMagic`, () =>
    besideBystanders(async ({ port }) => {
      const stranger = await RawClient.connect(port)
      stranger.sendBytes(bytes)
      await expectEnd(stranger, 'BadMagic')
    }))
}

test('garbage between frames ends a session, whatever good frames follow', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    const ping = encodePacket({ kind: 'ping', correlation: 5 })
    client.sendBytes(Buffer.concat([ping, Buffer.from('00', 'hex'), ping]))
    await client.expect('pong')
    await expectEnd(client, 'BadMagic')
  }))

test('a header of another version is BadFrameVersion', () =>
  besideBystanders(async ({ port }) => {
    for (const version of [0, 2, 0xffff_ffff]) {
      const stranger = await RawClient.connect(port)
      stranger.sendBytes(header({ version, type: 1, length: 6 }))
      await expectEnd(stranger, 'BadFrameVersion')
    }
  }))

test('a header of no known type is BadFrameType', () =>
  besideBystanders(async ({ port }) => {
    for (const type of [0, 3, 0xffff_ffff]) {
      const stranger = await RawClient.connect(port)
      stranger.sendBytes(header({ type, length: 6 }))
      await expectEnd(stranger, 'BadFrameType')
    }
  }))

test('a range of versions that the server does not speak is NoCommonVersion', () =>
  besideBystanders(async ({ port }) => {
    for (const [minVersion, maxVersion] of [
      [2, 9],
      [0, 0],
      [2, 1],
    ] as const) {
      const stranger = await RawClient.connect(port)
      stranger.send(hello({ minVersion, maxVersion }))
      await expectEnd(stranger, 'NoCommonVersion')
    }
  }))
