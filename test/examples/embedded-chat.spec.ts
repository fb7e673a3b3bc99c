import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { startShop } from '../../examples/embedded-chat/start-shop.js'
import { issueToken } from '../../src/auth/token-issuer.js'
import { connect, type ChatClient } from '../../src/client/index.js'
import { freePort } from '../../bench/free-port.js'

const SECRET = 'the secret of the shop, which is no secret'

interface Shop {
  readonly url: string
  readonly post: (order: string, text: unknown) => Promise<Response>
  /** A customer who talks by the plain client. */
  readonly customer: (name: string) => Promise<ChatClient>
  /** Lines of a stream of server-sent events, comments and empty ones left out. */
  readonly live: (order: string, lastEventId?: string) => Promise<() => Promise<string>>
  readonly close: () => Promise<void>
}

async function openShop(): Promise<Shop> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nestwire-shop-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const port = await freePort()
  const app = await startShop({
    SHOP_HTTP_PORT: '0',
    NESTWIRE_PORT: String(port),
    NESTWIRE_AUTH_SECRET: SECRET,
    NESTWIRE_DATA_DIR: dataDir,
  })
  onTestFinished(() => app.close())
  const { port: httpPort } = app.getHttpServer().address() as AddressInfo
  const url = `http://127.0.0.1:${httpPort}`
  return {
    url,
    post: (order, text) =>
      fetch(`${url}/orders/${order}/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text }),
      }),
    customer: async (name) => {
      const client = await connect({
        port,
        token: await issueToken({ user: name, role: 'user', ttlSeconds: 60 }, SECRET),
      })
      onTestFinished(() => client.close())
      return client
    },
    live: async (order, lastEventId) => {
      const aborting = new AbortController()
      onTestFinished(() => aborting.abort())
      const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
      const { body } = await fetch(`${url}/orders/${order}/live`, { headers, signal: aborting.signal })
      if (body === null) throw new Error('no stream')
      const input = Readable.fromWeb(body)
      input.on('error', () => undefined)
      const lines = createInterface({ input })[Symbol.asyncIterator]()
      return async () => {
        for (;;) {
          const { value, done } = await lines.next()
          if (done === true) return 'end'
          if (value !== '' && value !== ':') return value
        }
      }
    },
    close: () => app.close(),
  }
}

test('what is posted by HTTP reaches customers, and what they say the shop', async () => {
  const { post, customer, url } = await openShop()
  expect((await post('7', 'your parcel is on its way')).status).toBe(201)
  const alice = await customer('alice')
  const room = await alice.join('order-7', { after: 0 })
  await room.publish('thank you')
  const texts: string[] = []
  for await (const item of room) {
    if (item.kind === 'text') texts.push(item.text)
    if (texts.length === 2) break
  }
  expect(texts).toEqual(['your parcel is on its way', 'thank you'])
  const response = await fetch(`${url}/orders/7/messages`)
  expect(await response.json()).toMatchObject([{ sender: 'shop' }, { sender: 'alice', text: 'thank you' }])
})

test('browsers see an order live, and after a break go on behind what they saw last', async () => {
  const { post, live } = await openShop()
  const first = (await (await post('7', 'one')).json()) as { readonly seq: number }
  const next = await live('7', String(first.seq))
  await post('7', 'two')
  const id = await next()
  expect([id, await next()]).toEqual([expect.stringMatching(/^id: \d+$/), expect.stringContaining('"text":"two"')])
  await post('7', 'three')
  const again = await live('7', id.slice('id: '.length))
  await again()
  expect(await again()).toContain('"text":"three"')
  await post('7', 'four')
  await again()
  expect(await again()).toContain('"text":"four"')
})

test('a handler of the shop knows which customer asks', async () => {
  const { post, customer } = await openShop()
  await post('7', 'hello')
  await post('8', 'hello')
  const alice = await customer('alice')
  await alice.join('order-8')
  expect(await alice.request('orders.mine')).toEqual(['8'])
})

test('the pages of the chat server are under its prefix', async () => {
  const { url } = await openShop()
  expect((await fetch(`${url}/chat/health/ready`)).status).toBe(200)
  expect((await fetch(`${url}/health/ready`)).status).toBe(404)
})

test('a message that is none, and an order that nobody knows, are refused', async () => {
  const { post, url } = await openShop()
  expect((await post('7', '')).status).toBe(400)
  expect((await fetch(`${url}/orders/9/messages`)).status).toBe(404)
})

test('closing the shop ends streams that are open', async () => {
  const { post, live, close } = await openShop()
  await post('7', 'hello')
  const next = await live('7', '0')
  expect(await next()).toMatch(/^id: /)
  await next()
  await close()
  expect(await next()).toBe('end')
})
