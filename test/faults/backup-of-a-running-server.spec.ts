/** A backup is made while the server writes, and while it is killed and starts again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../auth/key-files.js'
import { cli } from '../cli/cli-harness.js'
import { publish, type ChatUser } from '../support/chat-user.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { startServerProcess, type ServerProcess } from '../support/server-process.js'

const MESSAGES = 2_000

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

const serverOn = (dataDir: string): Promise<ServerProcess> =>
  startServerProcess(sources.folder, { NESTWIRE_DATA_DIR: dataDir })

/** Resolves with the seq of the `count`th ACK from here. */
async function acks(user: ChatUser, count: number): Promise<number> {
  let seq = 0
  for (let number = 0; number < count; number += 1) {
    const ack = await user.find(({ kind }) => kind === 'ack')
    if (ack.kind === 'ack') seq = ack.seq
  }
  return seq
}

/** Everything that the room's history has, a page at a time. */
async function history(user: ChatUser, room: string): Promise<readonly (readonly [number, string])[]> {
  const said: (readonly [number, string])[] = []
  for (;;) {
    const after = said.at(-1)?.[0] ?? 0
    const page = (await user.request('chat.history', { room, after })) as {
      records: { seq: number; body: Uint8Array }[]
    }
    if (page.records.length === 0) return said
    said.push(...page.records.map(({ seq, body }) => [seq, Buffer.from(body).toString()] as const))
  }
}

test('holds what was acknowledged before it began, and no hole', async () => {
  const dataDir = await temporaryFolder()
  const server = await serverOn(dataDir)
  const alice = await server.connect('alice')
  const { epoch } = await alice.join('lobby')
  for (let number = 0; number < MESSAGES; number += 1) alice.send(publish('lobby', `m${number}`, 1_000 + number))
  const acknowledged = await acks(alice, MESSAGES / 4)
  const backup = join(await temporaryFolder(), 'backup')
  const [done, last] = await Promise.all([
    cli(['store', 'backup', backup, '--data-dir', dataDir]),
    acks(alice, MESSAGES - MESSAGES / 4),
  ])
  expect(done).toMatchObject({ exitCode: 0, stderr: '' })
  await server.kill()

  const other = await temporaryFolder()
  expect(await cli(['store', 'restore', backup, '--data-dir', other])).toMatchObject({ exitCode: 0 })
  const again = await (await serverOn(other)).connect('alice')
  const joined = await again.join('lobby')
  expect(joined.epoch).not.toBe(epoch)
  const said = await history(again, 'lobby')
  // The join came first.
  expect(said.slice(1)).toEqual(said.slice(1).map((_, index) => [index + 2, `m${index}`]))
  expect(said.length).toBeGreaterThanOrEqual(acknowledged)
  expect(said.length).toBeLessThanOrEqual(last)
  expect(joined.seq).toBe(said.length)

  const unharmed = await (await serverOn(dataDir)).connect('alice')
  expect(await unharmed.join('lobby')).toMatchObject({ epoch, seq: last })
})

const READ = `
import { open } from 'lmdb'
const tree = open({ path: process.argv[1], noSubdir: false, readOnly: true, encoding: 'binary', keyEncoding: 'binary' })
const entries = tree.getStats().entryCount
const transaction = tree.useReadTransaction()
process.send('reading')
process.once('message', () => {
  process.send(tree.getCount({ transaction }) === entries ? 'whole' : 'changed')
  transaction.done()
  process.disconnect()
})
`

/** What the copying process does, for as long as the test wants. */
async function reader(folder: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', READ, folder], {
    cwd: sources.folder,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = async (): Promise<unknown> => ((await once(child, 'message')) as unknown[])[0]
  expect(await said()).toBe('reading')
  return {
    finish: () => {
      child.send('finish')
      return said()
    },
  }
}

test('a server that is killed starts again under it, and what is copied stays', async () => {
  const dataDir = await temporaryFolder()
  const server = await serverOn(dataDir)
  const alice = await server.connect('alice')
  const { epoch } = await alice.join('lobby')
  await alice.says('lobby', 'one')
  const { finish } = await reader(join(dataDir, 'log'))
  await server.kill()
  const next = await serverOn(dataDir)
  const again = await next.connect('alice')
  for (let number = 0; number < 300; number += 1) await again.says('lobby', `m${number}`)
  expect(await finish()).toBe('whole')
  expect(await again.join('lobby')).toMatchObject({ epoch })
})
