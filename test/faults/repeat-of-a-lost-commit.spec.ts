/** A message is sent again while the disk holds or fails its commit, or after the process was killed: one place, or none. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NO_SEQ } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
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
const lobby = roomId('lobby')
const send = ({ log }: LogProcess, name: string): Promise<string> => {
  const id = { messageId: Buffer.alloc(16, name) }
  const record = { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(name), id }
  return log.append(lobby, record).then(
    (appended) => `${'isRepeat' in appended ? 'repeat of' : 'wrote'} ${appended.seq}`,
    (error: Error) => error.message,
  )
}
const bodies = async ({ log }: LogProcess): Promise<string[]> => {
  const records = await log.readAfter(lobby, NO_SEQ, { maxRecords: 100, maxBytes: 100_000 })
  return records.map(({ body }) => Buffer.from(body).toString())
}

test('a repeat waits for the commit of the first', async () => {
  const disk = await OrderedDisk.make()
  const process = await startLogProcess(sources.folder, await emptyFolder(), disk.env)
  await disk.order('hold sync')
  const settled: string[] = []
  const note = (answer: string): void => void settled.push(answer)
  const first = send(process, 'a').then(note)
  await disk.holds()
  const [second, waiting] = [send(process, 'a').then(note), send(process, 'b').then(note)]
  const third = send(process, 'b').then(note)
  expect(await bodies(process)).toEqual([])
  expect(settled).toEqual([])
  await disk.order('ok')
  await Promise.all([first, second, waiting, third])
  expect(settled).toEqual(['wrote 1', 'repeat of 1', 'wrote 2', 'repeat of 2'])
  expect(await bodies(process)).toEqual(['a', 'b'])
})

const failures: readonly DiskOrder[] = [
  `fail sync ${EIO}`,
  `fail write ${ENOSPC}`,
  `fail write ${EROFS}`,
  `fail commit ${EIO}`,
  `fail commit ${EROFS}`,
]
test.each(failures)('a repeat shares the failure of the first, and is new once the disk is back: %s', async (order) => {
  const disk = await OrderedDisk.make()
  const folder = await emptyFolder()
  const process = await startLogProcess(sources.folder, folder, disk.env)
  expect(await send(process, 'kept')).toBe('wrote 1')
  await disk.order('hold sync')
  const first = send(process, 'a')
  await disk.holds()
  const behind = [send(process, 'b'), send(process, 'b'), send(process, 'a')]
  await disk.order(order)
  const [a, b, b2, a2] = await Promise.all([first, ...behind])
  // A sync that was held goes through: then it is the next commit that fails.
  expect(['wrote 2', 'COMMIT_FAILED']).toContain(a)
  expect(a2).toBe(a === 'wrote 2' ? 'repeat of 2' : a)
  expect(['LOG_UNAVAILABLE', 'COMMIT_FAILED']).toContain(b)
  expect(b2).toBe(b)
  expect(await send(process, 'kept')).toBe('repeat of 1')
  expect(await send(process, 'b')).toBe('LOG_UNAVAILABLE')

  await disk.order('ok')
  await expect.poll(() => process.log.fault(), { timeout: 15_000 }).toBeUndefined()
  const next = a === 'wrote 2' ? 3 : 2
  expect(await send(process, 'kept')).toBe('repeat of 1')
  expect(await send(process, 'b')).toBe(`wrote ${next}`)
  expect(await send(process, 'a')).toBe(a === 'wrote 2' ? 'repeat of 2' : `wrote ${next + 1}`)
  const kept = await bodies(process)
  expect(kept.toSorted()).toEqual(['a', 'b', 'kept'])

  await process.kill()
  const again = await startLogProcess(sources.folder, folder)
  expect(await send(again, 'b')).toBe(`repeat of ${next}`)
  expect(await send(again, 'kept')).toBe('repeat of 1')
  expect(await bodies(again)).toEqual(kept)
})

test('a repeat after kill -9 finds what was acknowledged', async () => {
  const folder = await emptyFolder()
  const process = await startLogProcess(sources.folder, folder)
  const names = Array.from({ length: 200 }, (_, index) => `message ${index}`)
  const answers = names.map((name) => send(process, name))
  const first = await Promise.race(answers)
  await process.kill()
  expect(first).toBe('wrote 1')
  const again = await startLogProcess(sources.folder, folder)
  expect(await send(again, 'message 0')).toBe('repeat of 1')
  await Promise.all(names.map((name) => send(again, name)))
  expect(await bodies(again)).toHaveLength(100)
  expect((await again.log.head(lobby)).seq).toBe(names.length)
})
