import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clusterOn, userOf } from '../cluster/chat-nodes.js'
import { SHARED_SECRETS } from '../log/jetstream/cluster-nodes.js'
import { isNatsMissing, NatsServer } from '../support/nats-server.js'
import { cli, startServer } from './cli-harness.js'

describe.skipIf(isNatsMissing)('route', () => {
  let nats: NatsServer
  beforeAll(async () => {
    nats = await NatsServer.start()
  })
  afterAll(() => nats.discard())

  const envOf = (port: number) => ({ ...SHARED_SECRETS, NESTWIRE_PORT: String(port) })

  test('tells the node of a user, whichever node is asked', async () => {
    const { start } = clusterOn(nats)
    const [a, b] = [await start('a'), await start('b')]
    for (const { clock } of [a, b]) clock.setWallClock(Date.now())
    const user = userOf(b)
    for (const { port } of [a, b]) {
      const asked = await cli(['route', user], { env: envOf(port) })
      expect(asked).toEqual({ exitCode: 0, stdout: `{"node":"b","address":"${b.told}"}\n`, stderr: '' })
    }
    expect(a.router.redirectsSent).toBe(1)
  })

  test('is for services to ask about others', async () => {
    const { start } = clusterOn(nats)
    const a = await start('a')
    a.clock.setWallClock(Date.now())
    const env = envOf(a.port)
    expect(await cli(['route', 'bob', '--user', 'alice'], { env })).toMatchObject({ exitCode: 4, stdout: '' })
    const asked = await cli(['route', 'bob', '--user', 'ops', '--role', 'service'], { env })
    expect(asked).toMatchObject({ exitCode: 0, stdout: `{"node":"a","address":"${a.told}"}\n` })
  })
})

describe('route', () => {
  test('ends with 1 at a server that is in no cluster', async () => {
    const { env } = await startServer()
    expect(await cli(['route', 'bob'], { env })).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'nestwire: this server is in no cluster\n',
    })
  })

  test('ends with 2 without a user, or with one that is none', async () => {
    expect(await cli(['route'])).toMatchObject({ exitCode: 2, stderr: 'nestwire: USER is missing\n' })
    expect(await cli(['route', ' x'])).toMatchObject({ exitCode: 2, stderr: 'nestwire: not a user name:  x\n' })
  })
})
