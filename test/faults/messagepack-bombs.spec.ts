import { expect, test } from 'vitest'
import { MAX_FRAME_BYTES_CEILING, Priority } from '../../src/protocol/constants.js'
import { errorCodeName } from '../../src/protocol/error-codes.js'
import type { ChatUser } from '../support/chat-user.js'
import { besideBystanders } from './bystanders.js'

const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(' ', ''), 'hex')
const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth - 1, 0x91), hex('90')])
/** `array 32` of so many nils. */
function arrayOf(entries: number): Buffer {
  const body = Buffer.alloc(5 + entries, 0xc0)
  body[0] = 0xdd
  body.writeUInt32BE(entries, 1)
  return body
}

const bombs: Readonly<Record<string, Buffer>> = {
  'arrays 33 deep': nested(33),
  'arrays 60,000 deep': nested(60_000),
  'maps 33 deep': Buffer.concat([Buffer.from('81a161'.repeat(33), 'hex'), hex('c0')]),
  'an array that claims 65,537 entries': hex('dd 00010001'),
  'an array that claims 4 billion entries': hex('dd ffffffff'),
  'a map that claims 4 billion entries': hex('df ffffffff'),
  'a string that claims 4 GiB': hex('db ffffffff 61'),
  'a binary that claims 4 GiB': hex('c6 ffffffff 61'),
  'an extension that claims 4 GiB': hex('c9 ffffffff 01'),
  'an extension of a foreign type': hex('d4 01 00'),
  'a timestamp of 2,000,000,000 nanoseconds': hex('d7 ff ffffffff 00000000'),
  'a map whose key is an array': hex('81 90 c0'),
  'a string that is no UTF-8': hex('a2 c328'),
  'a byte that MessagePack never uses': hex('c1'),
  'two values': hex('c0 c0'),
  'half a number': hex('cf 0000'),
}

/** How `auth.whoami`, which takes nothing, is answered when it is given this body. */
async function answerTo(client: ChatUser, body: Buffer): Promise<string> {
  const correlation = client.nextCorrelation()
  const call = { correlation, priority: Priority.Normal, deadlineMs: undefined, metadata: undefined } as const
  const error = await client.ask({ kind: 'request', ...call, pattern: 'auth.whoami', body }, 'error')
  expect(error.correlation).toBe(correlation)
  return errorCodeName(error.code)
}

for (const [what, body] of Object.entries(bombs)) {
  test(`${what}: BAD_BODY and the connection lives`, () =>
    besideBystanders(async ({ mallory }) => {
      const client = await mallory()
      expect(await answerTo(client, body)).toBe('BAD_BODY')
      await client.expectNothing()
      client.reset()
    }))
}

test('arrays 32 deep are a body, if not one that the handler likes', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    expect(await answerTo(client, nested(32))).toBe('BAD_PAYLOAD')
    client.reset()
  }))

test('an array of 65,536 entries is a body and one of 65,537 is none', () =>
  besideBystanders(
    async ({ mallory }) => {
      const client = await mallory()
      expect(await answerTo(client, arrayOf(65_536))).toBe('BAD_PAYLOAD')
      expect(await answerTo(client, arrayOf(65_537))).toBe('BAD_BODY')
      client.reset()
    },
    {
      NESTWIRE_MAX_FRAME_BYTES: String(MAX_FRAME_BYTES_CEILING),
      NESTWIRE_MAX_OUTBOX_BYTES: '2000000',
      NESTWIRE_CONFIRM_WINDOW_BYTES: String(2 * MAX_FRAME_BYTES_CEILING),
    },
  ))

test('bombs in events are dropped without a word', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    for (const body of Object.values(bombs)) {
      client.send({ kind: 'event', priority: Priority.Normal, metadata: undefined, pattern: 'chat.send', body })
    }
    await client.expectNothing()
    client.reset()
  }))
