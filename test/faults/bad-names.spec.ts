import { expect, test } from 'vitest'
import { errorCodeName } from '../../src/protocol/error-codes.js'
import { join, request } from '../support/chat-user.js'
import { besideBystanders, expectEnd } from './bystanders.js'
import { frame } from './wire-bytes.js'

/** JOIN as nobody's encoder writes it: preamble, correlation 1, then the name as it is. */
const joinOf = (name: Buffer): Buffer => frame(2, Buffer.concat([Buffer.of(0x50, 0, 0, 0, 0, 1, name.length), name]))

const badBytes: Readonly<Record<string, Buffer>> = {
  'a lone continuation byte': Buffer.of(0x80),
  'a sequence cut short': Buffer.of(0x61, 0xc3),
  'an overlong slash': Buffer.of(0xc0, 0xaf),
  'a surrogate': Buffer.of(0xed, 0xa0, 0x80),
  'a code point beyond Unicode': Buffer.of(0xf4, 0x90, 0x80, 0x80),
}
const badNames: Readonly<Record<string, string>> = {
  'no name': '',
  'a NUL': 'a\0b',
  'a line break': 'a\nb',
  'a space in front': ' lobby',
  'a space behind': 'lobby ',
  'two spaces': 'lob  by',
  'a zero-width space': 'lob\u200bby',
  'a bidi override': 'lob\u202eby',
  'a byte order mark': '\ufefflobby',
  'decomposed letters': 'e\u0301',
  'a private-use character': '\ue000',
  '129 bytes': 'x'.repeat(129),
}

for (const [what, bytes] of Object.entries(badBytes)) {
  test(`a room name with ${what} is BadField`, () =>
    besideBystanders(async ({ mallory }) => {
      const client = await mallory()
      client.sendBytes(joinOf(bytes))
      await expectEnd(client, 'BadField')
    }))
}

test('a room name that is none is BadField in a packet', () =>
  besideBystanders(async ({ mallory }) => {
    for (const name of Object.values(badNames)) {
      const client = await mallory()
      client.sendBytes(joinOf(Buffer.from(name)))
      await expectEnd(client, 'BadField')
    }
  }))

for (const [what, name] of Object.entries(badNames)) {
  test(`${what} in a request is BAD_PAYLOAD and the connection lives`, () =>
    besideBystanders(async ({ mallory }) => {
      const client = await mallory()
      for (const [pattern, data] of [
        ['rooms.join', { room: name }],
        ['rooms.info', { room: name }],
        ['rooms.kick', { room: 'lobby', user: name }],
      ] as const) {
        const { code } = await client.ask(request(pattern, data, client.nextCorrelation()), 'error')
        expect(errorCodeName(code)).toBe('BAD_PAYLOAD')
      }
      await client.expectNothing()
      client.reset()
    }))
}

test('a name of 128 bytes is good', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    const name = 'é'.repeat(64)
    expect(await client.ask(join(name, client.nextCorrelation()), 'joined')).toMatchObject({ room: name })
    await client.request('rooms.leave', { room: name })
    client.reset()
  }))

test('a token for a user that has no name is refused', () =>
  besideBystanders(async ({ greeted, tokenOf }) => {
    const client = await greeted()
    const token = await tokenOf(' mallory')
    const { code } = await client.ask({ kind: 'auth', correlation: 1, redirects: 0, token }, 'error')
    expect(errorCodeName(code)).toBe('TOKEN_INVALID')
    await expectEnd(client, 'AuthRejected')
  }))
