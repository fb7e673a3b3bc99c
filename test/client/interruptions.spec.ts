/** Clients of a real server, whose connections end after any number of bytes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { connect, type ChatClient, type ChatClientOptions, type Room } from '../../src/client/index.js'
import { runApp, type TestApp } from '../support/running-app.js'
import { startPath } from './cuttable-path.js'

const MESSAGES = 100

async function clientOf(app: TestApp, user: string, options: ChatClientOptions = {}): Promise<ChatClient> {
  const token = (): Promise<string> => app.tokenOf(user)
  const client = await connect({ port: app.address.port, token, random: () => 0, ...options })
  onTestFinished(() => client.close())
  return client
}

/** What a reader sees up to the end; anything but texts and joins, which nobody sent, stands out as its kind. */
async function readAll(room: Room): Promise<{ seq: number; text: string }[]> {
  const seen: { seq: number; text: string }[] = []
  for await (const item of room) {
    if (item.kind === 'text' && item.text === 'the end') break
    if (item.kind === 'text') seen.push({ seq: item.seq, text: item.text })
    else if (item.kind !== 'join') seen.push({ seq: 0, text: item.kind })
  }
  return seen
}

/** Publishes without waiting for answers; resolves with the seqs that came back, in the order of the calls. */
async function publishAll(room: Room, who: string): Promise<{ seq: number; text: string }[]> {
  const sending: Promise<{ seq: number; text: string }>[] = []
  for (let count = 0; count < MESSAGES; count += 1) {
    const text = `${who} ${count}`
    sending.push(room.publish(text).then(({ seq }) => ({ seq, text })))
    if (count % 3 === 0) await nextTurn()
  }
  return Promise.all(sending)
}

interface Cuts {
  readonly alice: readonly number[]
  readonly bob: readonly number[]
}

test('two senders and three readers have every message once, in order, wherever they are cut', async () => {
  const app = await runApp({ NESTWIRE_PRESENCE_INTERVAL_MS: '60000' })
  const [alicesPath, bobsPath] = [await startPath(app.address.port), await startPath(app.address.port)]
  const alice = await clientOf(app, 'alice', { port: alicesPath.port })
  const bob = await clientOf(app, 'bob', { port: bobsPath.port })
  const carol = await clientOf(app, 'carol')
  let rounds = 0

  const holds = async (cuts: Cuts): Promise<void> => {
    const name = `room ${++rounds}`
    const [alices, bobs, carols] = [await alice.join(name), await bob.join(name), await carol.join(name)]
    const reading = [carols, alices, bobs].map(readAll)
    alicesPath.cutAfter(cuts.alice)
    bobsPath.cutAfter(cuts.bob)
    const sent = await Promise.all([publishAll(alices, 'alice'), publishAll(bobs, 'bob')])
    await carols.publish('the end')
    const inOrder = sent.flat().toSorted((a, b) => a.seq - b.seq)
    for (const seen of await Promise.all(reading)) expect(seen).toEqual(inOrder)
    for (const ofOne of sent) expect(ofOne).toEqual(ofOne.toSorted((a, b) => a.seq - b.seq))
  }

  const bytes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 3, maxLength: 12 })
  await fc.assert(fc.asyncProperty(fc.record({ alice: bytes, bob: bytes }), holds), { seed: 4, numRuns: 12 })
  expect(alicesPath.cuts + bobsPath.cuts).toBeGreaterThan(80)
}, 120_000)

test('a session goes on after a cut, without a new token', async () => {
  const app = await runApp()
  const path = await startPath(app.address.port)
  let tokens = 0
  const token = (): Promise<string> => {
    tokens += 1
    return app.tokenOf('alice')
  }
  const alice = await connect({ port: path.port, token, random: () => 0 })
  onTestFinished(() => alice.close())
  const { session } = alice.session ?? {}
  const room = await alice.join('lobby')
  for (let cuts = 0; cuts < 3; cuts += 1) {
    path.cut()
    await room.publish('still here')
  }
  expect(alice.session?.session).toBe(session)
  expect(tokens).toBe(1)
})

test('who is kicked while away is told, and not brought back', async () => {
  const app = await runApp()
  const path = await startPath(app.address.port)
  const owner = await clientOf(app, 'owner')
  const room = await owner.join('lobby')
  const alice = await clientOf(app, 'alice', { port: path.port })
  const reading = readAll(await alice.join('lobby'))
  const alicesRoom = await alice.join('lobby')
  path.cutAfter(Array<number>(10_000).fill(1))
  await owner.request('rooms.kick', { room: 'lobby', user: 'alice' })
  await expect.poll(() => alice.status).toBe('reconnecting')
  path.cutAfter([])
  expect(await reading).toEqual([])
  expect(alicesRoom.endReason).toBe('notAMember')
  await room.publish('alone')
  expect(await owner.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 1 })
})

test('a restart of the server between two messages is not noticed', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'nestwire-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const first = await runApp({ NESTWIRE_DATA_DIR: dataDir })
  const alice = await clientOf(first, 'alice')
  const bob = await clientOf(first, 'bob')
  const [alices, bobs] = [await alice.join('lobby'), await bob.join('lobby')]
  const reading = readAll(alices)
  const { session } = bob.session ?? {}
  await bobs.publish('before')
  const sending = publishAll(bobs, 'bob')
  await first.close()
  await runApp({ NESTWIRE_DATA_DIR: dataDir, NESTWIRE_PORT: String(first.address.port) })
  const sent = await sending
  await bobs.publish('the end')
  expect(await reading).toEqual([{ seq: expect.any(Number) as number, text: 'before' }, ...sent])
  expect(bob.session?.session).toBe(session)
})
