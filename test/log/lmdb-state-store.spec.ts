import { expect, test } from 'vitest'
import { LogFault } from '../../src/log/log-fault.js'
import { NO_SEQ } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { listed, stateStoreContract, textOf } from '../contracts/state-store.contract.js'
import { roomId, userId } from '../delivery/names.js'
import { commitBegins, openLog } from './open-logs.js'

const MIB = 1024 * 1024
const lobby = roomId('lobby')
const bytes = (length: number) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.alloc(length, 'x') })

stateStoreContract('lmdb', async () => (await openLog()).log.state)

test('keeps what was put across a restart', async () => {
  const before = await openLog()
  await before.log.state.put(['member', 'lobby', 'alice'], Buffer.from('1'))
  await before.log.state.put(['member', 'lobby', 'bob'], Buffer.from('2'))
  await before.log.state.remove(['member', 'lobby', 'alice'])
  const { log } = await before.reopen()
  expect(await listed(log.state, ['member'])).toEqual(['member lobby bob = 2'])
  expect(await log.state.replace(['member', 'lobby', 'bob'], Buffer.from('2'), Buffer.from('3'))).toBe(true)
})

test('lists more than it reads in one go, once each', async () => {
  const { state } = (await openLog()).log
  const names = Array.from({ length: 600 }, (_, index) => `u${String(index).padStart(4, '0')}`)
  await Promise.all(names.map((name) => state.put(['member', 'lobby', name], Buffer.from(name))))
  await state.put(['member', 'lobby 2', 'other'], Buffer.from('x'))
  expect(await listed(state, ['member', 'lobby'])).toEqual(names.map((name) => `member lobby ${name} = ${name}`))
})

test('commits with the records of the same turn', async () => {
  const { log } = await openLog()
  const settled: string[] = []
  await Promise.all([
    log.append(lobby, bytes(1)).then(() => settled.push('record')),
    log.state.put(['room', 'lobby'], Buffer.from('1')).then(() => settled.push('state')),
  ])
  expect(settled).toEqual(['record', 'state'])
})

test('a full log takes state all the same', async () => {
  const { log } = await openLog({ NESTWIRE_LOG_MAX_BYTES: String(MIB) })
  await log.append(lobby, bytes(MIB))
  expect(log.fault()).toContain('NESTWIRE_LOG_MAX_BYTES')
  await log.state.put(['ban', 'lobby', 'bob'], Buffer.from('1'))
  expect(textOf(await log.state.get(['ban', 'lobby', 'bob']))).toBe('1')
})

test('state is refused while a commit takes more than ten seconds', async () => {
  const { log, clock } = await openLog()
  const first = log.state.put(['room', 'lobby'], Buffer.from('1'))
  await commitBegins()
  clock.advance(10_000)
  const second = log.state.put(['room', 'attic'], Buffer.from('2'))
  clock.advance(1)
  await expect(log.state.remove(['room', 'attic'])).rejects.toMatchObject({ failure: { code: 'LOG_UNAVAILABLE' } })
  await Promise.all([first, second])
  await log.state.remove(['room', 'attic'])
  expect(await listed(log.state, ['room'])).toEqual(['room lobby = 1'])
})

test('a closed store refuses everything with its code', async () => {
  const { log } = await openLog()
  const put = log.state.put(['room', 'lobby'], Buffer.from('1'))
  await Promise.all([put, log.close()])
  for (const late of [
    log.state.get(['room', 'lobby']),
    log.state.put(['room', 'lobby'], Buffer.from('2')),
    log.state.replace(['room', 'lobby'], undefined, Buffer.from('2')),
    log.state.remove(['room', 'lobby']),
    listed(log.state, ['room']),
  ]) {
    await expect(late).rejects.toBeInstanceOf(LogFault)
  }
})

test('state and records do not meet', async () => {
  const { log } = await openLog()
  await log.append(lobby, bytes(1))
  await log.state.put(['room', 'lobby'], Buffer.from('1'))
  await log.deleteRoom(lobby)
  expect(await log.readAfter(lobby, NO_SEQ, { maxRecords: 9, maxBytes: 9 })).toEqual([])
  expect(await listed(log.state, ['room'])).toEqual(['room lobby = 1'])
})
