import { expect, test } from 'vitest'
import { RawClient } from '../support/raw-client.js'
import { besideBystanders, expectEnd } from './bystanders.js'

/** Alice, Bob and one more. */
const LIMIT = { NESTWIRE_MAX_CONNECTIONS: '3' }
const MAX_TOLD = 256

test('the last connection below the limit is welcome and the next is ServerFull', () =>
  besideBystanders(async ({ port, mallory }) => {
    const last = await mallory()
    const refused = await RawClient.connect(port)
    const close = await refused.expectClosed('ServerFull')
    expect(close.retryAfterMs).toBeGreaterThan(0)
    refused.end()
    await last.expectNothing()
    last.reset()
  }, LIMIT))

test('there is room again when somebody has gone', () =>
  besideBystanders(async ({ port, server, mallory }) => {
    const last = await mallory()
    const refused = await RawClient.connect(port)
    await expectEnd(refused, 'ServerFull')
    last.reset()
    await expect.poll(() => server.connectionCount).toBe(2)
    const next = await mallory()
    await next.expectNothing()
    next.reset()
  }, LIMIT))

test('256 at a time are told that the server is full, the next are cut', () =>
  besideBystanders(async ({ port, mallory, chatter }) => {
    const last = await mallory()
    const told: RawClient[] = []
    // They do not hang up, so that each keeps its place.
    for (let count = 0; count < MAX_TOLD; count += 1) {
      const client = await RawClient.connect(port)
      await client.expectClosed('ServerFull')
      told.push(client)
    }
    const cut = await RawClient.connect(port)
    expect(await cut.next()).toBeUndefined()
    await chatter()
    for (const client of [...told, cut, last]) client.reset()
  }, LIMIT))
