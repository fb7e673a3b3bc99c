import { test } from 'vitest'
import { allExamplePackets } from '../support/example-packets.js'
import { RawClient, hello } from '../support/raw-client.js'
import { besideBystanders, expectEnd } from './bystanders.js'

const beforeHello = allExamplePackets.filter(({ kind }) => kind !== 'hello' && kind !== 'close')
const inHandshake: ReadonlySet<string> = new Set(['auth', 'resume', 'ping', 'pong', 'close'])
const fromServersOnly: ReadonlySet<string> = new Set(
  'welcome authOk limits goAway resumed ticket reply next end error joined ack deliver gap'.split(' '),
)

test('any packet before HELLO is OutOfState', () =>
  besideBystanders(async ({ port }) => {
    for (const packet of beforeHello) {
      const client = await RawClient.connect(port)
      client.send(packet)
      await expectEnd(client, 'OutOfState')
    }
  }))

test('any packet but those of the handshake is OutOfState before login', () =>
  besideBystanders(async ({ greeted }) => {
    for (const packet of allExamplePackets.filter(({ kind }) => !inHandshake.has(kind))) {
      const client = await greeted()
      client.send(packet)
      await expectEnd(client, 'OutOfState')
    }
  }))

test('a second HELLO is OutOfState, before and after login', () =>
  besideBystanders(async ({ greeted, mallory }) => {
    for (const client of [await greeted(), await mallory()]) {
      client.send(hello())
      await expectEnd(client, 'OutOfState')
    }
  }))

test('two HELLOs in one write are welcomed once', () =>
  besideBystanders(async ({ port }) => {
    const client = await RawClient.connect(port)
    client.send(hello(), hello())
    await client.expect('welcome')
    await expectEnd(client, 'OutOfState')
  }))

test('a packet that only servers send is OutOfState after login, too', () =>
  besideBystanders(async ({ mallory }) => {
    for (const packet of allExamplePackets.filter(({ kind }) => fromServersOnly.has(kind))) {
      const client = await mallory()
      client.send(packet)
      await expectEnd(client, 'OutOfState')
    }
  }))

test('RESUME after login is OutOfState', () =>
  besideBystanders(async ({ mallory }) => {
    const client = await mallory()
    client.send({ kind: 'resume', correlation: 1, redirects: 0, ticket: Buffer.alloc(0), positions: [] })
    await expectEnd(client, 'OutOfState')
  }))

test('CLOSE at any time is an orderly end', () =>
  besideBystanders(async ({ port, greeted, mallory }) => {
    for (const client of [await RawClient.connect(port), await greeted(), await mallory()]) {
      client.send({ kind: 'close', code: 1000, retryAfterMs: 0, target: '', message: 'bye' })
      await expectEnd(client, 'Normal')
    }
  }))
