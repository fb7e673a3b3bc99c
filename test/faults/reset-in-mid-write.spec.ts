import { expect, test } from 'vitest'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { publish, request } from '../support/chat-user.js'
import { besideBystanders, nextServerSocket } from './bystanders.js'

const MESSAGE = 'x'.repeat(30_000)

test('a reset while the server writes leaves nothing behind', () =>
  besideBystanders(async (scene) => {
    const { mallory, alice, bob } = scene
    const arriving = nextServerSocket(scene)
    const client = await mallory()
    const socket = await arriving
    client.stopReading()
    let rounds = 0
    for (; !socket.writableNeedDrain; rounds += 1) await alice.says('lobby', MESSAGE)
    client.reset()
    await bob.records('lobby', rounds)
    await alice.records('lobby', rounds)
  }))

test('a reset inside a frame leaves nothing behind', () =>
  besideBystanders(async ({ mallory, greeted }) => {
    const message = encodePacket(publish('lobby', MESSAGE, 7))
    for (const client of [await mallory(), await greeted()]) {
      client.sendBytes(message.subarray(0, 40))
      await client.expectStillConnected()
      client.reset()
    }
  }))

test('a reset with a thousand requests in flight leaves nothing behind', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    client.send(...Array.from({ length: 1_000 }, (_, index) => request('rooms.info', { room: 'lobby' }, 100 + index)))
    await client.find(({ kind }) => kind === 'reply')
    client.reset()
  }))

test('a reset while the token is checked leaves no session behind', () =>
  besideBystanders(async ({ greeted, tokenOf, sessionCount, server }) => {
    const token = await tokenOf('mallory')
    const crowd = await Promise.all(Array.from({ length: 50 }, () => greeted()))
    for (const client of crowd) {
      client.send({ kind: 'auth', correlation: 1, redirects: 0, token })
      await new Promise<void>((resolve) => client.socket.write('', () => resolve()))
      client.reset()
    }
    await expect.poll(() => server.connectionCount).toBe(2)
    expect(sessionCount()).toBe(2)
  }))
