/** The disk fails under a state write: it is refused with a code, and what is found on disk afterwards counts. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StateKey } from '../../src/log/state-store.js'
import { emptyFolder } from '../log/open-logs.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { startLogProcess, type LogProcess } from '../support/log-process.js'
import { OrderedDisk, type DiskOrder } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

const ENOSPC = 28
const EIO = 5
const EROFS = 30
const key: StateKey = ['session', 'one']
const valueIn = async ({ state }: LogProcess): Promise<string> => Buffer.from((await state.get(key)) ?? '').toString()

const failures: readonly DiskOrder[] = [
  `fail sync ${EIO}`,
  `fail write ${ENOSPC}`,
  `fail write ${EROFS}`,
  `fail commit ${EIO}`,
  `fail commit ${EROFS}`,
]
test.each(failures)('a write that was not committed never was: %s', async (order) => {
  const disk = await OrderedDisk.make()
  const folder = await emptyFolder()
  const process = await startLogProcess(sources.folder, folder, disk.env)
  const { state, log } = process
  await state.put(key, Buffer.from('1'))

  await disk.order('hold sync')
  const outcome = async (call: Promise<unknown>) => call.then(String, (error: Error) => error.message)
  const running = outcome(state.put(['room', 'lobby'], Buffer.from('x')))
  await disk.holds()
  const [behind, loser] = [
    outcome(state.replace(key, Buffer.from('1'), Buffer.from('2'))),
    outcome(state.replace(key, Buffer.from('1'), Buffer.from('3'))),
  ]
  await disk.order(order)
  // A sync that was held goes through; then the next commit is the one that fails.
  const verdicts = await Promise.all([running, behind, loser])
  expect(verdicts.slice(1).every((verdict) => verdict === 'COMMIT_FAILED' || verdict === 'LOG_UNAVAILABLE')).toBe(true)
  // Reads may be refused, too; what was not committed they never show.
  expect(['1', 'LOG_UNAVAILABLE']).toContain(await outcome(valueIn(process)))
  expect(await outcome(state.remove(key))).toBe('LOG_UNAVAILABLE')

  await disk.order('ok')
  await expect.poll(() => log.fault(), { timeout: 15_000 }).toBeUndefined()
  expect(await valueIn(process)).toBe('1')
  expect(await state.replace(key, Buffer.from('2'), Buffer.from('4'))).toBe(false)
  expect(await state.replace(key, Buffer.from('1'), Buffer.from('4'))).toBe(true)
  await process.kill()
  const next = await startLogProcess(sources.folder, folder)
  expect(await valueIn(next)).toBe('4')
})
