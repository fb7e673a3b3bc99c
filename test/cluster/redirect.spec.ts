/** Users who come to another node than theirs, on a real NATS server. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Feature } from '../../src/protocol/constants.js'
import { SessionsService } from '../../src/sessions/sessions.service.js'
import { auth, ChatUser, resume } from '../support/chat-user.js'
import { isNatsMissing } from '../support/nats-server.js'
import { RawClient, hello, type PacketOf } from '../support/raw-client.js'
import { clusters, userOf, type ChatNode } from './chat-nodes.js'

const sessionsOf = ({ app }: ChatNode): number => app.get(SessionsService, { strict: false }).count

/** Somebody at `node` who has sent AUTH. */
async function comesTo(node: ChatNode, user: string, over: { readonly redirects?: number; readonly role?: 'service' }) {
  const client = await node.greeted()
  const { redirects = 0, role = 'user' } = over
  client.send({ ...(auth(await node.tokenOf(user, { role }), 1) as PacketOf<'auth'>), redirects })
  return client
}

describe.skipIf(isNatsMissing)('AUTH', () => {
  const newCluster = clusters()

  async function twoNodes(env = {}): Promise<readonly [ChatNode, ChatNode]> {
    const { start } = newCluster()
    return [await start('a', env), await start('b', env)]
  }

  test('sends a user to the node of the ring, without a session', async () => {
    const [a, b] = await twoNodes()
    const user = userOf(b)
    const client = await comesTo(a, user, {})
    expect(await client.expectClosed('BelongsElsewhere')).toMatchObject({ target: b.told, retryAfterMs: 0 })
    expect([sessionsOf(a), a.router.redirectsSent]).toEqual([0, 1])
    await (await comesTo(b, user, { redirects: 1 })).expect('authOk')
    expect([sessionsOf(b), b.router.redirectsSent]).toEqual([1, 0])
  })

  test('takes in who belongs here', async () => {
    const [a] = await twoNodes()
    await (await comesTo(a, userOf(a), {})).expect('authOk')
  })

  test('takes in whoever was sent on twice, not once', async () => {
    const [a, b] = await twoNodes()
    await (await comesTo(a, userOf(b), { redirects: 1 })).expectClosed('BelongsElsewhere')
    await (await comesTo(a, userOf(b), { redirects: 2 })).expect('authOk')
  })

  test('takes in services anywhere', async () => {
    const [a, b] = await twoNodes()
    await (await comesTo(a, userOf(b), { role: 'service' })).expect('authOk')
  })

  test('names no address to who shows no good token', async () => {
    const [a] = await twoNodes()
    const client = await a.greeted()
    client.send(auth('nonsense', 1))
    expect(await client.expectClosedAtLast('AuthRejected')).toMatchObject({ target: '' })
  })

  test('uses up no login of the rate for who is sent on', async () => {
    const [a, b] = await twoNodes({ NESTWIRE_LOGINS_PER_SECOND: '1' })
    for (const number of [0, 1, 2]) await (await comesTo(a, userOf(b, number), {})).expectClosed('BelongsElsewhere')
    await (await comesTo(a, userOf(a), {})).expect('authOk')
    await (await comesTo(a, userOf(a, 1), {})).expectClosed('TooManyLogins')
  })

  test('refreshes a session where it is', async () => {
    const [a, b] = await twoNodes()
    const user = userOf(b)
    const client = await comesTo(a, user, { redirects: 2 })
    await client.expect('authOk')
    client.send(auth(await a.tokenOf(user), 2))
    await client.expect('authOk')
  })

  test('sends nobody on while all are accepted', async () => {
    const [a, b] = await twoNodes({ NESTWIRE_CLUSTER_ROUTING: 'accept' })
    await (await comesTo(a, userOf(b), {})).expect('authOk')
    a.settings.swap({ ...a.settings.current, cluster: { ...a.settings.current.cluster, routing: 'redirect' } })
    await (await comesTo(a, userOf(b, 1), {})).expectClosed('BelongsElsewhere')
    a.settings.swap({ ...a.settings.current, cluster: loadSettings({ NESTWIRE_CLUSTER_ROUTING: 'accept' }).cluster })
    await (await comesTo(a, userOf(b, 2), {})).expect('authOk')
  })

  test('moves who belongs to a node that drains', async () => {
    const [a, b] = await twoNodes()
    const user = userOf(b)
    await b.server.close()
    await (await comesTo(a, user, {})).expect('authOk')
  })
})

describe.skipIf(isNatsMissing)('RESUME', () => {
  const newCluster = clusters()

  test('sends a user to the node of the ring, where the ticket counts as before', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    const greeting = hello({ features: Feature.Resume })
    const { ticket, granted } = await ChatUser.login(b.port, await b.tokenOf(userOf(b)), greeting)
    const misled = await ChatUser.greetedForResume(a.port)
    misled.send(resume(ticket, [], 1))
    expect(await misled.expectClosed('BelongsElsewhere')).toMatchObject({ target: b.told })
    const { session } = await (await ChatUser.greetedForResume(b.port)).resume(ticket)
    expect(session).toBe(granted?.session)
  })

  test('takes in whoever was sent on twice', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    const there = await ChatUser.login(b.port, await b.tokenOf(userOf(b)), hello({ features: Feature.Resume }))
    const client = await ChatUser.greetedForResume(a.port)
    client.send({ ...(resume(there.ticket, [], 1) as PacketOf<'resume'>), redirects: 2 })
    await client.expect('resumed')
  })
})

describe.skipIf(isNatsMissing)('a drain', () => {
  const newCluster = clusters()

  test('tells each user the node that takes over', async () => {
    const { start } = newCluster()
    const [a, b, c] = [await start('a'), await start('b'), await start('c')]
    const users = [0, 1, 2, 3, 4, 5].map((number) => userOf(a, number))
    const clients = await Promise.all(users.map((user) => comesTo(a, user, {})))
    for (const client of clients) await client.expect('authOk')
    const drained = a.server.close()
    for (const [at, client] of clients.entries()) {
      const { target } = await client.expect('goAway')
      expect(target).toBe(b.router.route(users[at] ?? userOf(a))?.address)
      expect([b.told, c.told]).toContain(target)
      expect(await client.expectClosed('ShuttingDown')).toMatchObject({ target })
      client.end()
    }
    await drained
  })

  test('names no node to a service, and none where all are accepted', async () => {
    const { start } = newCluster()
    const [a] = [await start('a'), await start('b')]
    const bot = await comesTo(a, 'bot', { role: 'service' })
    await bot.expect('authOk')
    const open = await start('c', { NESTWIRE_CLUSTER_ROUTING: 'accept' })
    const user = await comesTo(open, userOf(a), {})
    await user.expect('authOk')
    const drained = [a.server.close(), open.server.close()]
    expect(await bot.expect('goAway')).toMatchObject({ target: '' })
    expect(await user.expect('goAway')).toMatchObject({ target: '' })
    for (const client of [bot, user]) client.end()
    await Promise.all(drained)
  })

  test('of the last node names none', async () => {
    const { start } = newCluster()
    const a = await start('a')
    const client = await comesTo(a, userOf(a), {})
    await client.expect('authOk')
    const drained = a.server.close()
    expect(await client.expect('goAway')).toMatchObject({ target: '' })
    client.end()
    await drained
  })
})

describe.skipIf(isNatsMissing)('the client library', () => {
  const newCluster = clusters()

  test('goes to the node of its user, and to the next one when that drains', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    const user = userOf(b)
    const client = await connect({ servers: [a.told], token: () => a.tokenOf(user) })
    onTestFinished(() => client.close())
    const serving = (): readonly number[] => [a, b].map(sessionsOf)
    expect([serving(), a.router.redirectsSent]).toEqual([[0, 1], 1])
    const drained = b.server.close()
    await expect.poll(serving).toEqual([1, 0])
    await drained
    expect(a.router.redirectsSent).toBe(1)
  })
})

describe.skipIf(isNatsMissing)('WELCOME', () => {
  const newCluster = clusters()

  test('offers the feature cluster on a node of one', async () => {
    const { start } = newCluster()
    const a = await start('a')
    const client = await RawClient.connect(a.port)
    client.send(hello({ features: 7 }))
    expect((await client.expect('welcome')).features & Feature.Cluster).toBe(Feature.Cluster)
  })
})
