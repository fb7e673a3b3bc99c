import { expect, test } from 'vitest'
import { RawClient, hello } from '../support/raw-client.js'
import { besideBystanders } from './bystanders.js'

const LIMIT = { NESTWIRE_HANDSHAKE_TIMEOUT_MS: '5000' }

test('somebody who never says HELLO is HandshakeTimeout', () =>
  besideBystanders(async ({ port, server, clock, chatter }) => {
    const client = await RawClient.connect(port)
    await expect.poll(() => server.connectionCount).toBe(3)
    clock.advance(4_750)
    await chatter()
    expect(client.inbox).toEqual([])
    clock.advance(500)
    await client.expectClosed('HandshakeTimeout')
    client.end()
  }, LIMIT))

test('somebody who never logs in is HandshakeTimeout, however many PINGs come', () =>
  besideBystanders(async ({ greeted, clock }) => {
    const client = await greeted()
    for (let second = 0; second < 4; second += 1) {
      clock.advance(1_000)
      await client.expectNothing()
    }
    clock.advance(750)
    await client.expectNothing()
    clock.advance(500)
    await client.expectClosed('HandshakeTimeout')
    client.end()
  }, LIMIT))

test('a hundred who never log in are all sent away', () =>
  besideBystanders(async ({ port, clock, chatter }) => {
    const crowd = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(port)))
    for (const client of crowd) await client.ask(hello(), 'welcome')
    await chatter()
    clock.advance(5_500)
    for (const client of crowd) {
      await client.expectClosed('HandshakeTimeout')
      client.end()
    }
  }, LIMIT))

test('a login just in time is a login', () =>
  besideBystanders(async ({ greeted, tokenOf, clock }) => {
    const client = await greeted()
    clock.advance(4_750)
    await client.ask({ kind: 'auth', correlation: 1, redirects: 0, token: await tokenOf('mallory') }, 'authOk')
    clock.advance(10_000)
    await client.expectNothing()
    client.reset()
  }, LIMIT))
