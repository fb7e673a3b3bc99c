import { expect, onTestFinished, test } from 'vitest'
import { LogStore } from '../../src/log/lmdb/log-store.js'
import { RoomLedger } from '../../src/log/lmdb/room-ledger.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { openLog } from './open-logs.js'

const MIB = 1024 * 1024
const MAX_ROOMS = 3
const names = ['a', 'b', 'c', 'd', 'e'].map(roomId)

/** A store in which every room of `names` has one record. */
async function writtenStore(): Promise<LogStore> {
  const { log, folder } = await openLog()
  for (const name of names) {
    await log.append(name, { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(name) })
  }
  await log.close()
  const store = await LogStore.open(folder, MIB)
  onTestFinished(() => store.close())
  return store
}

test('holds as many idle rooms as the limit', async () => {
  const ledger = new RoomLedger(await writtenStore(), MAX_ROOMS)
  for (const [index, name] of names.entries()) {
    ledger.stateOf(name)
    expect(ledger.size).toBe(Math.min(index + 1, MAX_ROOMS))
  }
})

test('lets the room go that nobody touched for longest', async () => {
  const ledger = new RoomLedger(await writtenStore(), MAX_ROOMS)
  const [a, b, c, d] = names.map((name) => () => ledger.stateOf(name))
  const [first, second] = [a?.(), b?.()]
  c?.()
  expect(a?.()).toBe(first)
  d?.()
  expect(a?.()).toBe(first)
  expect(b?.()).not.toBe(second)
  expect(b?.()).toEqual(second)
})

test('keeps rooms that are in use or not in the store', async () => {
  const ledger = new RoomLedger(await writtenStore(), MAX_ROOMS)
  const unborn = ledger.stateOf(roomId('unborn'))
  const busy = ledger.stateOf(roomId('a'))
  busy.assigned += 1
  for (const name of names.slice(1)) ledger.stateOf(name)
  expect(ledger.stateOf(roomId('unborn'))).toBe(unborn)
  expect(ledger.stateOf(roomId('a'))).toBe(busy)
})

test('finds what is here or in the store, and makes nothing of another name', async () => {
  const ledger = new RoomLedger(await writtenStore(), MAX_ROOMS)
  const unborn = ledger.stateOf(roomId('unborn'))
  expect(ledger.find(roomId('unborn'))).toBe(unborn)
  expect(ledger.find(roomId('a'))).toMatchObject({ committed: 1, isStored: true })
  expect(ledger.find(roomId('nowhere'))).toBeUndefined()
  expect(ledger.size).toBe(2)
})

test('does not find a room that is being deleted', async () => {
  const ledger = new RoomLedger(await writtenStore(), MAX_ROOMS)
  await ledger.delete(ledger.stateOf(roomId('a')), async () => {
    expect(ledger.find(roomId('a'))).toBeUndefined()
  })
})

test('goes on with another store, whose rooms are read anew, and keeps the epochs of rooms that it does not know', async () => {
  const ledger = new RoomLedger(await writtenStore(), MAX_ROOMS)
  const known = ledger.stateOf(roomId('a'))
  const unborn = ledger.stateOf(roomId('unborn'))
  for (const state of [known, unborn]) state.assigned += 1
  ledger.restart(await writtenStore())
  expect(ledger.stateOf(roomId('a'))).toMatchObject({ assigned: 1, committed: 1 })
  expect(ledger.stateOf(roomId('unborn'))).toMatchObject({ assigned: 0, committed: 0, salt: unborn.salt })
})
