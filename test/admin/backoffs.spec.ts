import { expect, test } from 'vitest'
import { startChat, type Chat } from '../support/chat-harness.js'
import { auth } from '../support/chat-user.js'
import { RawClient, hello } from '../support/raw-client.js'
import { asks } from './operator.js'

const STRICT = { NESTWIRE_TRUSTED_ADDRESSES: '127.0.0.1', NESTWIRE_AUTH_FAILURES_PER_MINUTE: '1' }

async function guesses(chat: Chat, address: string): Promise<void> {
  const client = await RawClient.connectFrom(address, chat.port)
  client.send(hello(), auth('nonsense', 1))
  await client.expectClosedAtLast('AuthRejected')
}

test('back-offs are listed, the longest first, and lifted', async () => {
  const chat = await startChat(STRICT)
  expect(await asks(chat, 'backoffs')).toEqual({ status: 200, body: { backoffs: [] } })
  await guesses(chat, '127.0.0.2')
  chat.clock.advance(1_000)
  await guesses(chat, '127.0.0.3')
  expect((await asks(chat, 'backoffs')).body).toEqual({
    backoffs: [
      { address: '127.0.0.3', untilMs: chat.clock.now() + 10_000, remainingMs: 10_000, backoffMs: 10_000 },
      { address: '127.0.0.2', untilMs: chat.clock.now() + 9_000, remainingMs: 9_000, backoffMs: 10_000 },
    ],
  })
  const lifting = { method: 'DELETE' }
  const lifted = await asks(chat, 'backoffs/127.0.0.2', lifting)
  expect(lifted).toEqual({ status: 200, body: { address: '127.0.0.2', isLifted: true } })
  expect((await asks(chat, 'backoffs/127.0.0.2', lifting)).body).toMatchObject({ isLifted: false })
  const client = await RawClient.connectFrom('127.0.0.2', chat.port)
  await client.ask(hello(), 'welcome')
  await (await RawClient.connectFrom('127.0.0.3', chat.port)).expectClosed('BackedOff')
})

test('a network of IPv6 may be named by its key or any of its addresses', async () => {
  const chat = await startChat(STRICT)
  for (const address of ['2001:db8:0:1::/64', '2001:db8:0:1::7']) {
    const path = `backoffs/${encodeURIComponent(address)}`
    expect(await asks(chat, path, { method: 'DELETE' })).toEqual({ status: 200, body: { address, isLifted: false } })
  }
})

test('a back-off is lifted by admins only', async () => {
  const chat = await startChat({ NESTWIRE_ADMIN_ACCESS: 'token' })
  expect((await asks(chat, 'backoffs/127.0.0.2', { method: 'DELETE', role: 'service' })).status).toBe(403)
})
