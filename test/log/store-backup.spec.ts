/** What a restored store is: all that was there at the backup, and yet another store. */
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { backUpStore } from '../../src/log/lmdb/store-backup.js'
import { restoreStore } from '../../src/log/lmdb/store-restore.js'
import type { RoomLogEngine } from '../../src/log/room-log.js'
import { NO_SEQ } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { emptyFolder, openLog, type OpenLog } from './open-logs.js'

const { signal } = new AbortController()
const lobby = roomId('lobby')
const alice = userId('alice')
const messageId = Buffer.alloc(16, 1)
const say = (log: RoomLogEngine, body: string) =>
  log.append(lobby, { kind: RecordKind.Text, sender: alice, body: Buffer.from(body) })
const saidIn = async (log: RoomLogEngine) =>
  (await log.readAfter(lobby, NO_SEQ, { maxRecords: 1_000, maxBytes: Infinity })).map(({ body }) => body.toString())
const epochIn = async (log: RoomLogEngine) => (await log.head(lobby)).epoch

async function backedUp({ log, folder }: OpenLog): Promise<string> {
  await log.close()
  const target = join(await emptyFolder(), 'backup')
  await backUpStore({ folder, target, signal })
  return target
}

async function restored(backup: string): Promise<string> {
  const folder = await emptyFolder()
  await restoreStore({ backup, folder, mayReplace: false, signal })
  return folder
}

test('records, state and recent ids are those of the backup', async () => {
  const before = await openLog()
  const body = Buffer.alloc(70_000, 'x')
  await say(before.log, 'one')
  await before.log.append(lobby, { kind: RecordKind.Text, sender: alice, body, id: { messageId } })
  await before.log.state.put(['ban', 'lobby', 'mallory'], Buffer.from('state'))
  const backup = await backedUp(before)
  const { log } = await openLog({}, { folder: await restored(backup) })
  expect(await saidIn(log)).toEqual(['one', body.toString()])
  expect(await log.state.get(['ban', 'lobby', 'mallory'])).toEqual(Buffer.from('state'))
  expect(await log.repeatOf(lobby, alice, messageId)).toMatchObject({ isRepeat: true, seq: 2 })
  expect(await say(log, 'three')).toMatchObject({ seq: 3, prev: 2 })
})

test('each restore of one backup has epochs of its own, which stay', async () => {
  const before = await openLog()
  await say(before.log, 'one')
  const epoch = await epochIn(before.log)
  const backup = await backedUp(before)
  const first = await openLog({}, { folder: await restored(backup) })
  const firstEpoch = await epochIn(first.log)
  const second = await openLog({}, { folder: await restored(backup) })
  expect(new Set([epoch, firstEpoch, await epochIn(second.log)]).size).toBe(3)
  expect(await epochIn((await first.reopen()).log)).toBe(firstEpoch)
})

test.each([
  ['the backup itself', async (backup: string) => join(backup, 'data.mdb')],
  ['what was restored', async (backup: string) => join(await restored(backup), 'data.mdb')],
])('%s has other epochs on the very inode of the old store', async (_what, file) => {
  const before = await openLog()
  await say(before.log, 'one')
  const epoch = await epochIn(before.log)
  const backup = await backedUp(before)
  const path = join(before.folder, 'data.mdb')
  const { ino } = await stat(path)
  await writeFile(path, await readFile(await file(backup)))
  expect((await stat(path)).ino).toBe(ino)
  const after = await openLog({}, { folder: before.folder })
  expect(await saidIn(after.log)).toEqual(['one'])
  expect(await epochIn(after.log)).not.toBe(epoch)
})

test('the store that was backed up keeps its epochs', async () => {
  const before = await openLog()
  await say(before.log, 'one')
  const epoch = await epochIn(before.log)
  await backedUp(before)
  expect(await epochIn((await openLog({}, { folder: before.folder })).log)).toBe(epoch)
})

test('a copy leaves free pages behind', async () => {
  const before = await openLog({ NESTWIRE_HISTORY_MAX_RECORDS: '1' })
  for (let round = 0; round < 20; round += 1) await say(before.log, 'x'.repeat(60_000))
  const backup = await backedUp(before)
  const [old, copy] = [await stat(join(before.folder, 'data.mdb')), await stat(join(backup, 'data.mdb'))]
  expect(copy.size).toBeLessThan(old.size)
  expect(await saidIn((await openLog({}, { folder: await restored(backup) })).log)).toHaveLength(1)
})

test('a backup can be copied elsewhere', async () => {
  const before = await openLog()
  await say(before.log, 'one')
  const backup = await backedUp(before)
  const elsewhere = join(await emptyFolder(), 'elsewhere')
  await mkdir(elsewhere)
  for (const file of ['data.mdb', 'SHA256SUMS']) await copyFile(join(backup, file), join(elsewhere, file))
  expect(await saidIn((await openLog({}, { folder: await restored(elsewhere) })).log)).toEqual(['one'])
})
