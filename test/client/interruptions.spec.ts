/** Clients of a real server, whose connections end after any number of bytes. */
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
