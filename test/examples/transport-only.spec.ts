import type { AddressInfo, Server } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { startShop } from '../../examples/transport-only/start-shop.js'
import { startStock } from '../../examples/transport-only/start-stock.js'

/** Both services; resolves with what a customer sees of the shop. */
async function openShop() {
  const stock = await startStock({ STOCK_PORT: '0' })
  onTestFinished(() => stock.close())
  const { port } = stock.unwrap<Server>().address() as AddressInfo
  const shop = await startShop({ STOCK_PORT: String(port), SHOP_HTTP_PORT: '0' })
  onTestFinished(() => shop.close())
  const address = shop.getHttpServer().address() as AddressInfo
  return async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${address.port}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  }
}

test('an order over HTTP reserves in the other service', async () => {
  const ask = await openShop()
  expect(await ask('POST', '/orders', { item: 'tea', count: 2 })).toEqual({
    status: 201,
    body: { item: 'tea', left: 8 },
  })
  expect(await ask('GET', '/stock/tea')).toEqual({ status: 200, body: { item: 'tea', left: 8 } })
})

test('what the other service refuses becomes an answer of the shop', async () => {
  const ask = await openShop()
  expect(await ask('POST', '/orders', { item: 'coffee', count: 4 })).toEqual({
    status: 409,
    body: { code: 'NOT_ENOUGH', item: 'coffee', left: 3 },
  })
  expect(await ask('POST', '/orders', { item: 'coffee' })).toMatchObject({ status: 400, body: { code: 'BAD_PAYLOAD' } })
})

test('an event has arrived before the next call', async () => {
  const ask = await openShop()
  expect(await ask('PUT', '/stock', { item: 'coffee', count: 5 })).toMatchObject({ status: 200 })
  expect(await ask('GET', '/stock/coffee')).toEqual({ status: 200, body: { item: 'coffee', left: 8 } })
})
