import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { Broadcaster } from '../../src/delivery/broadcaster.js'
import { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import type { RoomHead } from '../../src/log/room-log.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { RecordKind, type RoomRecord } from '../../src/protocol/packets.js'
import { ManualClock } from '../support/manual-clock.js'
import { ManualEndOfTick } from './manual-end-of-tick.js'
import { roomId, userId } from './names.js'
import { RecordingConnection } from './recording-connection.js'

const lobby = roomId('lobby')
const text = (body: string | Buffer) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const seqs = (records: readonly RoomRecord[]) => records.map(({ seq }) => seq)

function setUp(env: Record<string, string> = {}) {
  const tick = new ManualEndOfTick()
  const settings = new Settings(loadSettings(env))
  const log = new MemoryRoomLog(settings, new ManualClock())
  const broadcaster = new Broadcaster(log, settings, tick.schedule)
  return { tick, settings, log, broadcaster }
}

async function withMembers(count: number, env: Record<string, string> = {}) {
  const parts = setUp(env)
  const members = Array.from({ length: count }, () => new RecordingConnection())
  await parts.broadcaster.open(lobby)
  for (const member of members) parts.broadcaster.attach(lobby, member)
  return { ...parts, members }
}

describe('one batch a room and tick', () => {
  test.each([1, 10, 500])('encodes one frame for %i members', async (count) => {
    const { broadcaster, members, tick } = await withMembers(count)
    for (let index = 0; index < 20; index += 1) await broadcaster.append(lobby, text(`m${index}`))
    tick.end()
    const distinct = new Set(members.flatMap(({ frames }) => frames))
    expect(distinct.size).toBe(1)
    for (const member of members) expect(member.frames).toHaveLength(1)
    expect(members[0]?.records.map(({ body }) => body.toString())).toEqual(
      Array.from({ length: 20 }, (_, index) => `m${index}`),
    )
  })

  test('delivers nothing before the end of the tick', async () => {
    const { broadcaster, members, tick } = await withMembers(1)
    await broadcaster.append(lobby, text('hi'))
    expect(members[0]?.frames).toEqual([])
    expect(tick.waiting).toBe(1)
    tick.end()
    expect(members[0]?.records).toHaveLength(1)
    expect(tick.waiting).toBe(0)
  })

  test('schedules nothing for a room without listeners', async () => {
    const { broadcaster, tick } = setUp()
    await broadcaster.append(lobby, text('hi'))
    expect(tick.waiting).toBe(0)
  })

  test('schedules once for many rooms', async () => {
    const { broadcaster, tick } = setUp()
    for (const name of ['a', 'b', 'c']) {
      await broadcaster.open(roomId(name))
      broadcaster.attach(roomId(name), new RecordingConnection())
      await broadcaster.append(roomId(name), text('hi'))
    }
    expect(tick.waiting).toBe(1)
  })

  test('splits a batch at the frame limit, in order', async () => {
    const { broadcaster, members, tick } = await withMembers(3, {
      NESTWIRE_MAX_FRAME_BYTES: '4096',
      NESTWIRE_MAX_MESSAGE_BYTES: '3072',
    })
    for (let index = 0; index < 5; index += 1) await broadcaster.append(lobby, text(Buffer.alloc(1500)))
    tick.end()
    expect(new Set(members.flatMap(({ frames }) => frames)).size).toBe(3)
    for (const { records } of members) expect(seqs(records)).toEqual([1, 2, 3, 4, 5])
  })

  test('delivers what was admitted before the frame limit sank', async () => {
    const { broadcaster, members, settings, tick } = await withMembers(1)
    await broadcaster.append(lobby, text(Buffer.alloc(30_000)))
    settings.swap(loadSettings({ NESTWIRE_MAX_FRAME_BYTES: '4096', NESTWIRE_MAX_MESSAGE_BYTES: '3072' }))
    tick.end()
    expect(members[0]?.records).toHaveLength(1)
  })

  test('says which epoch the records belong to', async () => {
    const { broadcaster, log, members, tick } = await withMembers(1)
    await broadcaster.append(lobby, text('hi'))
    tick.end()
    const { epoch } = await log.head(lobby)
    expect(members[0]?.packets).toMatchObject([{ kind: 'deliver', room: lobby, epoch }])
  })
})

describe('attach and detach', () => {
  test('starts deliveries exactly after the returned position', async () => {
    const { broadcaster, members, tick } = await withMembers(1)
    await broadcaster.append(lobby, text('before'))
    const newcomer = new RecordingConnection()
    expect(broadcaster.attach(lobby, newcomer).seq).toBe(1)
    expect(seqs(members[0]?.records ?? [])).toEqual([1])
    await broadcaster.append(lobby, text('after'))
    tick.end()
    expect(seqs(newcomer.records)).toEqual([2])
    expect(seqs(members[0]?.records ?? [])).toEqual([1, 2])
  })

  test('attaching twice delivers once', async () => {
    const { broadcaster, members, tick } = await withMembers(1)
    for (const member of members) broadcaster.attach(lobby, member)
    await broadcaster.append(lobby, text('hi'))
    tick.end()
    expect(members[0]?.records).toHaveLength(1)
  })

  test('offers nothing after a detach', async () => {
    const { broadcaster, members, tick } = await withMembers(2)
    const [gone, stays] = members
    await broadcaster.append(lobby, text('hi'))
    if (gone !== undefined) broadcaster.detach(lobby, gone)
    tick.end()
    expect(gone?.frames).toEqual([])
    expect(stays?.records).toHaveLength(1)
  })

  test('refuses to attach to a room that is not open', () => {
    const { broadcaster } = setUp()
    expect(() => broadcaster.attach(lobby, new RecordingConnection())).toThrow('not open')
  })

  test('opens a deleted room with a new epoch and no past', async () => {
    const { broadcaster } = setUp()
    await broadcaster.append(lobby, text('old'))
    const old = broadcaster.attach(lobby, new RecordingConnection())
    const deletion = broadcaster.deleteRoom(lobby)
    await broadcaster.open(lobby)
    const renewed = broadcaster.attach(lobby, new RecordingConnection())
    await deletion
    expect(renewed.seq).toBe(0)
    expect(renewed.epoch).not.toBe(old.epoch)
    expect((await broadcaster.append(lobby, text('new'))).seq).toBe(1)
  })
})

describe('members that do not keep up', () => {
  test('closes a member whose outbox is full and serves the others', async () => {
    const { broadcaster, members, tick } = await withMembers(2)
    const slow = new RecordingConnection(1)
    broadcaster.attach(lobby, slow)
    for (const body of ['one', 'two']) {
      await broadcaster.append(lobby, text(body))
      tick.end()
    }
    expect(slow.closeCode).toBe(CloseCode.SlowConsumer)
    for (const member of members) expect(seqs(member.records)).toEqual([1, 2])
  })

  test('leaves a full member without ephemeral frames and open', async () => {
    const { broadcaster, members } = await withMembers(1)
    const slow = new RecordingConnection(0)
    broadcaster.attach(lobby, slow)
    broadcaster.sendEphemeral(lobby, Buffer.from('frame'))
    expect(slow.closeCode).toBeUndefined()
    expect(members[0]?.frames).toHaveLength(1)
  })

  test('survives a member that detaches itself while it is closed', async () => {
    const { broadcaster, members, tick } = await withMembers(1)
    const slow = new RecordingConnection(0)
    slow.onClose = () => broadcaster.detach(lobby, slow)
    broadcaster.attach(lobby, slow)
    const last = new RecordingConnection()
    broadcaster.attach(lobby, last)
    await broadcaster.append(lobby, text('hi'))
    tick.end()
    for (const member of [...members, last]) expect(member.records).toHaveLength(1)
  })
})

type Step = 'append' | 'tick' | 'attach' | 'detach'

test('whatever comes and goes, members see an unbroken chain from their position', async () => {
  const steps = fc.array(fc.constantFrom<Step>('append', 'append', 'tick', 'attach', 'detach'), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const { broadcaster, tick } = setUp()
      await broadcaster.open(lobby)
      const seen: { readonly connection: RecordingConnection; readonly from: RoomHead; isIn: boolean }[] = []
      let last = 0
      for (const step of script) {
        if (step === 'append') last = (await broadcaster.append(lobby, text(`m${last}`))).seq
        else if (step === 'tick') tick.end()
        else if (step === 'attach') {
          const connection = new RecordingConnection()
          seen.push({ connection, from: broadcaster.attach(lobby, connection), isIn: true })
        } else {
          const leaving = seen.find(({ isIn }) => isIn)
          if (leaving === undefined) continue
          leaving.isIn = false
          broadcaster.detach(lobby, leaving.connection)
        }
      }
      tick.end()
      const positions = seen.map(({ connection, from }) =>
        connection.records.reduce((position: number, { prev, seq }) => {
          expect(prev).toBe(position)
          return seq
        }, from.seq),
      )
      const ofThoseIn = positions.filter((_, index) => seen[index]?.isIn)
      expect(ofThoseIn).toEqual(ofThoseIn.map(() => last))
    }),
    { numRuns: 60 },
  )
})
