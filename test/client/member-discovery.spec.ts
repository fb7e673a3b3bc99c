/** A client asks the server it is connected to for the other members of the cluster. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { Feature } from '../../src/protocol/constants.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { connect, type ChatClient } from '../../src/client/index.js'
import { ManualClock } from '../support/manual-clock.js'
import { at, authOk, refused, startServers, type ScriptedServer, type ServedConnection } from './scripted-server.js'

/** A client that is connected to `server`, with dice at 0.5: it asks after five seconds. */
async function startMember(server: ScriptedServer, features: number = Feature.Cluster) {
  const clock = new ManualClock()
  const connecting = connect({ servers: [at(server)], token: 'token', clock, random: () => 0.5 })
  const served = await enter(server, features)
  const client = await connecting
  onTestFinished(() => client.close())
  return { clock, client, served }
}

async function enter(server: ScriptedServer, features: number = Feature.Cluster): Promise<ServedConnection> {
  const served = await server.greet({ features })
  served.send(authOk({ correlation: (await served.expect('auth')).correlation }))
  return served
}

const member = (server: ScriptedServer, state = 'up') => ({
  id: at(server),
  name: 'node',
  address: at(server),
  state,
  connections: 1,
  isSelf: false,
})

async function tell(served: ServedConnection, reply: unknown): Promise<void> {
  const { correlation, pattern, body } = await served.expect('request')
  expect([pattern, decodeBody(body)]).toEqual(['cluster.nodes', {}])
  served.send({ kind: 'reply', correlation, body: encodeBody(reply) })
  await served.expectNothing()
}

/** Ends the connection and the server; the client waits out its first backoff. */
async function dies(server: ScriptedServer, client: ChatClient, clock: ManualClock): Promise<void> {
  await server.stop()
  await expect.poll(() => client.status).toBe('reconnecting')
  clock.advance(125)
}

describe('the members of a cluster', () => {
  test('are asked for once a connection, some time within ten seconds', async () => {
    const [server] = await startServers(1)
    const { clock, served } = await startMember(server)
    clock.advance(4999)
    await served.expectNothing()
    clock.advance(1)
    await tell(served, { nodes: [] })
    clock.advance(20_000)
    await served.expectNothing()
  })

  test('are not asked for where the server is alone', async () => {
    const [server] = await startServers(1)
    const { clock, served } = await startMember(server, Feature.Positions)
    clock.advance(10_000)
    await served.expectNothing()
  })

  test('outlive the loss of all seeds', async () => {
    const [seed, second, third] = await startServers(3)
    const { clock, client, served } = await startMember(seed)
    clock.advance(5000)
    await tell(served, { nodes: [member(seed), member(second)] })
    await dies(seed, client, clock)
    const again = await enter(second)
    await expect.poll(() => client.status).toBe('connected')
    clock.advance(5000)
    await tell(again, { nodes: [member(second), member(third)] })
    await dies(second, client, clock)
    await enter(third)
  })

  test('that take nobody are not gone to', async () => {
    const [seed, draining, other] = await startServers(3)
    const { clock, client, served } = await startMember(seed)
    clock.advance(5000)
    await tell(served, { nodes: [member(draining, 'draining'), member(other)] })
    await dies(seed, client, clock)
    await enter(other)
    expect(draining.connections).toHaveLength(0)
  })

  test.each([[undefined], [{}], [{ nodes: 7 }], [{ nodes: [null, 7, {}, { address: 7, state: 'up' }] }]])(
    'stay unknown after the answer %j',
    async (reply) => {
      const [server] = await startServers(1)
      const { clock, client, served } = await startMember(server)
      clock.advance(5000)
      await tell(served, reply)
      served.socket.destroy()
      await expect.poll(() => client.status).toBe('reconnecting')
      clock.advance(125)
      await enter(server)
    },
  )

  test('stay unknown where the question is refused, and nobody hears of it', async () => {
    const [server] = await startServers(1)
    const { clock, client, served } = await startMember(server)
    clock.advance(5000)
    served.send(refused((await served.expect('request')).correlation, ErrorCode.NoHandler))
    await served.expectNothing()
    expect(client.status).toBe('connected')
  })

  test('are waited for ten seconds', async () => {
    const [server] = await startServers(1)
    const { clock, served } = await startMember(server)
    clock.advance(5000)
    const { correlation } = await served.expect('request')
    clock.advance(10_010)
    expect(await served.expect('cancel')).toEqual({ kind: 'cancel', correlation })
  })

  test('are not asked for by a client that is closed', async () => {
    const [server] = await startServers(1)
    const { clock, client, served } = await startMember(server)
    await client.close()
    await served.expect('close')
    await expect.poll(() => clock.timers).toBe(0)
  })
})
