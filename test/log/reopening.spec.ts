/** A disk that stays broken is tried again and again; nothing long is done before it works. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { LogStore } from '../../src/log/lmdb/log-store.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { fillDiskUnder } from '../support/broken-disk.js'
import { openLog } from './open-logs.js'

const lobby = roomId('lobby')
const message = (number: number) => ({
  kind: RecordKind.Text,
  sender: userId('alice'),
  body: Buffer.alloc(30_000),
  id: { messageId: Buffer.alloc(16, number) },
})

test('a log that is closed while its disk is full does not open its store again', async () => {
  const { log, folder, clock } = await openLog()
  await fillDiskUnder(folder)
  const append = log.append(lobby, message(1))
  const closing = log.close()
  await expect(append).rejects.toMatchObject({ failure: { code: 'COMMIT_FAILED' } })
  await closing
  expect(clock.timers).toBe(0)
  const open = vi.spyOn(LogStore, 'open')
  onTestFinished(() => void vi.restoreAllMocks())
  clock.advance(5_000)
  expect(open).not.toHaveBeenCalled()
})

test('ids are read back once, when the disk works again', async () => {
  const { log, folder, clock } = await openLog()
  await log.append(lobby, message(1))
  const probe = vi.spyOn(LogStore.prototype, 'probe')
  const ids = vi.spyOn(LogStore.prototype, 'ids')
  onTestFinished(() => void vi.restoreAllMocks())
  const attempts = async (count: number): Promise<void> => {
    while (probe.mock.calls.length < count) {
      clock.advance(5_000)
      await new Promise(setImmediate)
    }
  }
  probe.mockRejectedValue(new Error('EIO'))
  await fillDiskUnder(folder)
  await expect(log.append(lobby, message(2))).rejects.toMatchObject({ failure: { code: 'COMMIT_FAILED' } })
  await attempts(3)
  expect(ids).not.toHaveBeenCalled()
  // What can be read is what was committed, whatever becomes of the disk.
  expect(await log.append(lobby, message(1))).toMatchObject({ isRepeat: true, seq: 1 })
  expect(await log.head(lobby)).toMatchObject({ seq: 1 })
  expect([log.isInDoubt(), log.fault()]).toEqual([true, expect.stringContaining('could not be written')])

  probe.mockRestore()
  await expect
    .poll(() => {
      clock.advance(5_000)
      return log.fault()
    })
    .toBeUndefined()
  expect(log.isInDoubt()).toBe(false)
  expect(ids).toHaveBeenCalledTimes(1)
  expect(await log.append(lobby, message(2))).toMatchObject({ seq: 2, prev: 1 })
})
