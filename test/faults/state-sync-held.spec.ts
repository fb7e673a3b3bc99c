/** The disk takes its time: nobody reads a membership or a generation before fdatasync has returned. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StateKey } from '../../src/log/state-store.js'
import { emptyFolder } from '../log/open-logs.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { startLogProcess } from '../support/log-process.js'
import { OrderedDisk, type DiskOrder } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

const key: StateKey = ['session', 'one']
const held: readonly DiskOrder[] = ['hold sync', 'hold commit']

test.each(held)('state is neither confirmed nor readable during: %s', async (order) => {
  const disk = await OrderedDisk.make()
  const { state } = await startLogProcess(sources.folder, await emptyFolder(), disk.env)
  await state.put(key, Buffer.from('1'))
  await disk.order(order)
  const settled: string[] = []
  const first = state.replace(key, Buffer.from('1'), Buffer.from('2')).then((won) => settled.push(`first ${won}`))
  await disk.holds()
  const second = state.replace(key, Buffer.from('1'), Buffer.from('3')).then((won) => settled.push(`second ${won}`))
  expect(Buffer.from((await state.get(key)) ?? '').toString()).toBe('1')
  expect(settled).toEqual([])

  await disk.order('ok')
  await Promise.all([first, second])
  expect(settled).toEqual(['first true', 'second false'])
  expect(Buffer.from((await state.get(key)) ?? '').toString()).toBe('2')
})
