import { MicroserviceHealthIndicator, TerminusModule } from '@nestjs/terminus'
import { Test } from '@nestjs/testing'
import { expect, onTestFinished, test } from 'vitest'
import { NestwireClient } from '../../src/transport/nestwire-client.js'
import { ScriptedServer } from '../client/scripted-server.js'
import { startMicroservice } from './nest-apps.js'

/** The probe of another service's health page. */
async function probe() {
  const testing = await Test.createTestingModule({ imports: [TerminusModule] }).compile()
  await testing.init()
  onTestFinished(() => testing.close())
  const indicator = await testing.resolve(MicroserviceHealthIndicator)
  return async (port: number, timeout = 10_000): Promise<unknown> => {
    // Its types ask for a number of Nest's own transports; a custom class needs none.
    const options = { customClass: NestwireClient, options: { port }, timeout }
    return indicator.pingCheck('chat', options as unknown as Parameters<typeof indicator.pingCheck>[1])
  }
}

test('a server that listens is up', async () => {
  const { port } = await startMicroservice({})
  const check = await probe()
  expect(await check(port)).toMatchObject({ chat: { status: 'up' } })
})

test('a probe leaves no connection behind', async () => {
  const { port, server } = await startMicroservice({})
  const check = await probe()
  await check(port)
  await server.close()
  expect(server.connectionCount).toBe(0)
})

test('a server that is gone is down, with the reason', async () => {
  const { app, port } = await startMicroservice({})
  const check = await probe()
  await app.close()
  expect(await check(port)).toMatchObject({
    chat: { status: 'down', message: expect.stringContaining('ECONNREFUSED') },
  })
})

test('a server that accepts and says nothing is down', async () => {
  const server = await ScriptedServer.start()
  const check = await probe()
  expect(await check(server.port, 50)).toMatchObject({ chat: { status: 'down' } })
})
