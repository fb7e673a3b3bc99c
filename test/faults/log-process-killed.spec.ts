/** kill -9 in the middle of a burst, and two servers that want the same folder. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../log/open-logs.js'
import { publish, type ChatUser } from '../support/chat-user.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { spawnServer, startServerProcess } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

test('what was acknowledged is there after kill -9, at once', async () => {
  const env = { NESTWIRE_DATA_DIR: await emptyFolder() }
  const server = await startServerProcess(sources.folder, env)
  const alice = await server.connect('alice')
  const { epoch } = await alice.join('lobby')
  for (let index = 0; index < 500; index += 1) alice.send(publish('lobby', `m${index}`, 1_000 + index))
  let last = 0
  for (let acks = 0; acks < 100; acks += 1) last = await nextAck(alice)
  await server.kill()

  const next = await startServerProcess(sources.folder, env)
  const again = await next.connect('alice')
  const joined = await again.join('lobby')
  expect(joined.epoch).toBe(epoch)
  expect(joined.seq).toBeGreaterThanOrEqual(last)
  expect(last).toBeGreaterThan(100)
  const { records } = (await again.request('chat.history', { room: 'lobby', after: last - 1, limit: 1 })) as {
    records: { seq: number; body: Uint8Array }[]
  }
  // The join came first.
  expect(records.map(({ seq, body }) => [seq, Buffer.from(body).toString()])).toEqual([[last, `m${last - 2}`]])
  const { seq } = await again.says('lobby', 'and on')
  expect(seq).toBeGreaterThan(joined.seq)
})

async function nextAck(user: ChatUser): Promise<number> {
  const ack = await user.find(({ kind }) => kind === 'ack')
  return ack.kind === 'ack' ? ack.seq : 0
}

test('a second server in the folder says so in one line and ends', async () => {
  const env = { NESTWIRE_DATA_DIR: await emptyFolder() }
  const server = await startServerProcess(sources.folder, env)
  const second = await spawnServer(sources.folder, env).ended
  expect(second.code).toBe(1)
  expect(second.stderr).toMatch(/^.*StartUpError: another process is using .+ \(NESTWIRE_DATA_DIR\).*$/m)
  const alice = await server.connect('alice')
  await alice.join('lobby')
  await alice.says('lobby', 'unharmed')
})
