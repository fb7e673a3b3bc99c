/** A data folder on a file system that may only be read: the server does not start on it, and says why in one line. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { emptyFolder } from '../log/open-logs.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { OrderedDisk, spawnServer, startServerProcess, type DiskOrder } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

const EROFS = 30
const inOneLine =
  /^.*StartUpError: the room log cannot be kept in .+ \(NESTWIRE_DATA_DIR\): .*read-only file system.*$/im

async function expectNoStart(env: Record<string, string | undefined>): Promise<void> {
  const { code, stderr } = await spawnServer(sources.folder, env).ended
  expect(code).toBe(1)
  expect(stderr).toMatch(inOneLine)
}

const orders: readonly DiskOrder[] = [`fail write ${EROFS}`, `fail commit ${EROFS}`]
test.each(orders)('a new store that cannot be written is no start: %s', async (order) => {
  const disk = await OrderedDisk.make()
  await disk.order(order)
  await expectNoStart({ ...disk.env, NESTWIRE_DATA_DIR: await emptyFolder() })
})

test('a store on a file system that was mounted read-only is no start, and is whole when it may be written again', async (context) => {
  const dataDir = await emptyFolder()
  const mount = (options: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dataDir]).status === 0
  context.skip(!mount('size=8m'), 'only root may mount')
  onTestFinished(() => void spawnSync('umount', ['-l', dataDir]))
  const env = { NESTWIRE_DATA_DIR: join(dataDir, 'data') }
  const server = await startServerProcess(sources.folder, env)
  const alice = await server.connect('alice')
  await alice.join('lobby')
  const { seq } = await alice.says('lobby', 'before')
  await server.kill()

  expect(mount('remount,ro')).toBe(true)
  await expectNoStart(env)
  expect(mount('remount,rw')).toBe(true)
  const next = await startServerProcess(sources.folder, env)
  const history = await (await next.connect('alice')).request('chat.history', { room: 'lobby', limit: 1 })
  expect(history).toMatchObject({ records: [{ seq }] })
})
