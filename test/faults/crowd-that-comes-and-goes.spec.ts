import { queryObjects } from 'node:v8'
import { expect, test } from 'vitest'
import { Session } from '../../src/sessions/session.js'
import { Connection } from '../../src/transport/connection.js'
import { InFlightCall } from '../../src/transport/in-flight-call.js'
import { auth, request } from '../support/chat-user.js'
import { RawClient } from '../support/raw-client.js'
import { besideBystanders, type Scene } from './bystanders.js'

const ROUNDS = 20

/** What a full collection leaves of all that connections are made of: whatever still names one of them shows here. */
const objects = (): readonly number[] =>
  [Connection, Session, InFlightCall].map((type) => queryObjects(type, { format: 'count' }))

/** Ways to come, and to go without a goodbye or with one. */
const visits: readonly ((scene: Scene) => Promise<RawClient>)[] = [
  ({ port }) => RawClient.connect(port),
  ({ greeted }) => greeted(),
  ({ mallory }) => mallory(),
  async ({ greeted, tokenOf }) => {
    const client = await greeted()
    client.send(auth(await tokenOf('mallory'), 1))
    return client
  },
  async ({ mallory }) => {
    const client = await mallory()
    client.send(request('rooms.info', { room: 'lobby' }, 77, 60_000), request('rooms.list', undefined, 78))
    return client
  },
  async ({ mallory }) => {
    const client = await mallory()
    client.sendBytes('deadbeef 0000')
    return client
  },
]
const departures: readonly ((client: RawClient) => void)[] = [
  (client) => client.reset(),
  (client) => client.end(),
  (client) => client.sendBytes('00'),
  (client) => client.send({ kind: 'close', code: 1000, retryAfterMs: 0, target: '', message: '' }),
]

test('of many who come and go in every way no object is left', () =>
  besideBystanders(async (scene) => {
    const before = objects()
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const visit of visits) {
        for (const depart of departures) {
          const client = await visit(scene)
          depart(client)
          client.socket.end()
        }
      }
    }
    await expect.poll(() => scene.server.connectionCount).toBe(2)
    expect(objects()).toEqual(before)
  }))
