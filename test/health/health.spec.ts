import { expect, test } from 'vitest'
import type { RoomLogEngine } from '../../src/log/room-log.js'
import { ROOM_LOG } from '../../src/log/room-log.token.js'
import { runApp } from '../support/running-app.js'

async function get(url: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(url)
  return { status: response.status, body: await response.json() }
}

test('a running server is live and ready', async () => {
  const { healthUrl } = await runApp()
  expect(await get(`${healthUrl}/live`)).toEqual({ status: 200, body: { status: 'ok' } })
  expect(await get(`${healthUrl}/ready`)).toMatchObject({
    status: 200,
    body: { status: 'ok', details: { transport: { status: 'up' }, roomLog: { status: 'up' } } },
  })
})

test('a server whose listener closed is live, not ready', async () => {
  const { healthUrl, server } = await runApp()
  await server.close()
  expect((await get(`${healthUrl}/live`)).status).toBe(200)
  expect(await get(`${healthUrl}/ready`)).toMatchObject({
    status: 503,
    body: {
      status: 'error',
      error: { transport: { status: 'down', message: 'no new connections are accepted' } },
      info: { roomLog: { status: 'up' } },
    },
  })
})

test('a server whose log fails is live, not ready', async () => {
  const { healthUrl, app } = await runApp()
  const log = app.get<RoomLogEngine>(ROOM_LOG, { strict: false })
  await log.close()
  expect((await get(`${healthUrl}/live`)).status).toBe(200)
  expect(await get(`${healthUrl}/ready`)).toMatchObject({
    status: 503,
    body: { error: { roomLog: { status: 'down', message: log.fault() } }, info: { transport: { status: 'up' } } },
  })
})

test('readiness falls while a shutdown waits for its clients', async () => {
  const { healthUrl, greeted, close } = await runApp()
  const client = await greeted()
  const closed = close()
  await client.expect('close')
  const { status } = await get(`${healthUrl}/ready`)
  client.end()
  await closed
  expect(status).toBe(503)
  await expect(fetch(`${healthUrl}/ready`)).rejects.toThrow('fetch failed')
})
