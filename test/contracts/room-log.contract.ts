/** What every room log does, of one process or shared. Each engine's spec calls this with a factory of empty logs. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Environment } from '../../src/config/load-settings.js'
import { LogFault } from '../../src/log/log-fault.js'
import { isRepeat, type ReadLimit, type RoomLog, type RoomLogEngine } from '../../src/log/room-log.js'
import { NO_SEQ, trustedSeq, type Seq } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import type { ManualClock } from '../support/manual-clock.js'
import { written } from './written.js'

/** What the contract asks of a log; one that is shared gets an `append` of this form from its spec. */
export type ContractLog = RoomLog & Pick<RoomLogEngine, 'append'>

export interface LogUnderTest {
  readonly log: ContractLog
  readonly clock: ManualClock
  /** Resolves when what is beyond the bytes is removed; absent: it is as soon as an append resolves. */
  readonly tidy?: () => Promise<void>
}

/** In what engines may differ. */
export interface LogTraits {
  /** Whether each room is numbered 1, 2, 3; if not, seqs of all rooms are one sequence. */
  readonly numbersEachRoom: boolean
  /** Whether ids are forgotten by the log's own clock and count; if not, by those of a server. */
  readonly forgetsIds: boolean
}

const EMBEDDED: LogTraits = { numbersEachRoom: true, forgetsIds: true }

const lobby = roomId('lobby')
const attic = roomId('attic')
const alice = userId('alice')
const plenty: ReadLimit = { maxRecords: 1000, maxBytes: 1_000_000 }
const text = (body: string) => ({ kind: RecordKind.Text, sender: alice, body: Buffer.from(body) })
const idOf = (number: number): Buffer => Buffer.alloc(16, String(number).padStart(16, '.'))
/** A message that may be sent again; with `ageMs` it is. */
const message = (number: number, ageMs?: number) => ({
  ...text(`m${number}`),
  id: { messageId: idOf(number), ...(ageMs === undefined ? {} : { ageMs }) },
})
const YEAR_MS = 365 * 86_400_000
const seqs = (records: readonly { seq: number }[]) => records.map(({ seq }) => seq)
const bodies = (records: readonly { body: Buffer }[]) => records.map(({ body }) => body.toString())

interface StartedLog {
  readonly log: ContractLog
  /** Of the message of that number; beyond the last, one that is not there. */
  readonly seqOf: (number: number) => Seq
}

export function roomLogContract(
  engine: string,
  open: (env: Environment) => Promise<LogUnderTest>,
  { numbersEachRoom, forgetsIds } = EMBEDDED,
): void {
  /** The number of a record in its room, or one that is at least as large. */
  const numbered = (number: number): unknown =>
    numbersEachRoom ? number : expect.toSatisfy((seq: number) => Number.isSafeInteger(seq) && seq >= number)
  /** `seq` if each room is numbered, else a larger one. */
  const afterwards = (seq: number): unknown =>
    numbersEachRoom ? seq + 1 : expect.toSatisfy((next: number) => next > seq)
  const start = async (env: Environment = {}): Promise<LogUnderTest> => {
    const opened = await open(env)
    onTestFinished(() => opened.log.close())
    return opened
  }
  /** A log whose lobby has m1, m2, …, and where they stand. */
  const startWith = async (count: number, env: Environment = {}): Promise<StartedLog> => {
    const { log } = await start(env)
    const placed: Seq[] = [NO_SEQ]
    for (let index = 1; index <= count; index += 1) placed.push((await log.append(lobby, text(`m${index}`))).seq)
    expect(placed.slice(1)).toEqual(placed.slice(1).map((_, index) => numbered(index + 1)))
    return { log, seqOf: (index) => placed[index] ?? trustedSeq((placed.at(-1) ?? 0) + index) }
  }

  describe(`room log: ${engine}`, () => {
    test('numbers records from 1 and links them', async () => {
      const { log, clock } = await start()
      const nowMs = clock.now()
      const first = await log.append(lobby, text('one'))
      const second = await log.append(lobby, { kind: RecordKind.Leave, sender: alice, body: Buffer.of(1) })
      expect(first).toEqual({ ...text('one'), seq: numbered(1), prev: 0, timeMs: nowMs })
      expect(second).toEqual({
        kind: RecordKind.Leave,
        sender: alice,
        body: Buffer.of(1),
        seq: expect.toSatisfy((seq: number) => seq > first.seq),
        prev: first.seq,
        timeMs: nowMs,
      })
    })

    test('resolves pipelined appends in call order', async () => {
      const { log } = await start()
      const resolved: string[] = []
      const appends = Array.from({ length: 50 }, (_, index) =>
        log.append(lobby, text(`m${index}`)).then((record) => resolved.push(written(record).body.toString())),
      )
      await Promise.all(appends)
      expect(resolved).toEqual(Array.from({ length: 50 }, (_, index) => `m${index}`))
      const records = await log.readAfter(lobby, NO_SEQ, plenty)
      expect(records.map(({ body }) => body.toString())).toEqual(resolved)
      for (const [index, record] of records.entries()) expect(record.prev).toBe(records[index - 1]?.seq ?? 0)
    })

    test('keeps rooms apart', async () => {
      const { log } = await start()
      await log.append(lobby, text('down'))
      const upstairs = written(await log.append(attic, text('up')))
      expect(upstairs.prev).toBe(0)
      expect(await log.readAfter(attic, NO_SEQ, plenty)).toEqual([upstairs])
    })

    test('has a head before the first record', async () => {
      const { log } = await start()
      const head = await log.head(lobby)
      expect(head).toEqual({ epoch: expect.any(Number), seq: 0 })
      const { seq } = await log.append(lobby, text('one'))
      expect(await log.head(lobby)).toEqual({ epoch: head.epoch, seq })
    })

    test('reads after a position, ascending', async () => {
      const { log, seqOf } = await startWith(5)
      expect(bodies(await log.readAfter(lobby, seqOf(2), plenty))).toEqual(['m3', 'm4', 'm5'])
      expect(await log.readAfter(lobby, seqOf(5), plenty)).toEqual([])
      expect(await log.readAfter(lobby, seqOf(9), plenty)).toEqual([])
    })

    test('reads the newest before a position, ascending', async () => {
      const { log, seqOf } = await startWith(5)
      expect(bodies(await log.readBefore(lobby, seqOf(5), { ...plenty, maxRecords: 2 }))).toEqual(['m3', 'm4'])
      expect(bodies(await log.readBefore(lobby, seqOf(99), plenty))).toEqual(['m1', 'm2', 'm3', 'm4', 'm5'])
      expect(await log.readBefore(lobby, seqOf(1), plenty)).toEqual([])
      expect(await log.readBefore(lobby, NO_SEQ, plenty)).toEqual([])
    })

    test('stops a read at the record limit', async () => {
      const { log } = await startWith(5)
      expect(bodies(await log.readAfter(lobby, NO_SEQ, { ...plenty, maxRecords: 3 }))).toEqual(['m1', 'm2', 'm3'])
      expect(bodies(await log.readAfter(lobby, NO_SEQ, { ...plenty, maxRecords: 1 }))).toEqual(['m1'])
    })

    test('stops a read at the byte limit exactly', async () => {
      const { log, seqOf } = await startWith(5) // two bytes each
      expect(bodies(await log.readAfter(lobby, NO_SEQ, { ...plenty, maxBytes: 6 }))).toEqual(['m1', 'm2', 'm3'])
      expect(bodies(await log.readAfter(lobby, NO_SEQ, { ...plenty, maxBytes: 5 }))).toEqual(['m1', 'm2'])
      expect(bodies(await log.readBefore(lobby, seqOf(6), { ...plenty, maxBytes: 6 }))).toEqual(['m3', 'm4', 'm5'])
      expect(bodies(await log.readBefore(lobby, seqOf(6), { ...plenty, maxBytes: 5 }))).toEqual(['m4', 'm5'])
    })

    test('reads one record whatever the byte limit', async () => {
      const { log, seqOf } = await startWith(3)
      expect(bodies(await log.readAfter(lobby, NO_SEQ, { ...plenty, maxBytes: 0 }))).toEqual(['m1'])
      expect(bodies(await log.readBefore(lobby, seqOf(3), { ...plenty, maxBytes: 0 }))).toEqual(['m2'])
    })

    test('reads nothing of a room nobody wrote to', async () => {
      const { log } = await start()
      expect(await log.readAfter(lobby, NO_SEQ, plenty)).toEqual([])
      expect(await log.readBefore(lobby, trustedSeq(9), plenty)).toEqual([])
    })

    test('trims up to a position and keeps the chain', async () => {
      const { log, seqOf } = await startWith(4)
      const { epoch } = await log.head(lobby)
      await log.trim(lobby, seqOf(2))
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['m3', 'm4'])
      await log.trim(lobby, seqOf(4))
      expect(await log.readAfter(lobby, NO_SEQ, plenty)).toEqual([])
      expect(await log.head(lobby)).toEqual({ epoch, seq: seqOf(4) })
      expect(await log.append(lobby, text('next'))).toMatchObject({ seq: afterwards(seqOf(4)), prev: seqOf(4) })
    })

    test('gives a deleted room another epoch and no past', async () => {
      const { log } = await startWith(3)
      const { epoch } = await log.head(lobby)
      await log.deleteRoom(lobby)
      const head = await log.head(lobby)
      expect(head.seq).toBe(0)
      expect(head.epoch).not.toBe(epoch)
      expect(await log.append(lobby, text('again'))).toMatchObject({ prev: 0 })
      expect(await log.readAfter(lobby, NO_SEQ, plenty)).toHaveLength(1)
    })

    test('takes bodies of no bytes', async () => {
      const { log } = await start()
      await log.append(lobby, text(''))
      const [record] = await log.readAfter(lobby, NO_SEQ, plenty)
      expect(record?.body).toHaveLength(0)
    })

    test('keeps as many records as the limit, the newest', async () => {
      const { log, seqOf } = await startWith(3, { NESTWIRE_HISTORY_MAX_RECORDS: '3' })
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['m1', 'm2', 'm3'])
      const { seq } = await log.append(lobby, text('m4'))
      const records = await log.readAfter(lobby, NO_SEQ, plenty)
      expect(bodies(records)).toEqual(['m2', 'm3', 'm4'])
      expect(records[0]?.prev).toBe(seqOf(1))
      expect(bodies(await log.readBefore(lobby, trustedSeq(seq + 1), plenty))).toEqual(['m2', 'm3', 'm4'])
    })

    test('keeps as many bytes as the limit', async () => {
      const { log, tidy } = await start({ NESTWIRE_HISTORY_MAX_BYTES: '1024' })
      const placed: Seq[] = []
      for (const size of [512, 512]) placed.push((await log.append(lobby, text('x'.repeat(size)))).seq)
      await tidy?.()
      expect(seqs(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(placed)
      placed.push((await log.append(lobby, text('x'))).seq)
      await tidy?.()
      expect(seqs(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(placed.slice(1))
    })

    test('keeps the newest record however large it is', async () => {
      const { log, tidy } = await start({ NESTWIRE_HISTORY_MAX_BYTES: '1024' })
      await log.append(lobby, text('small'))
      const { seq } = await log.append(lobby, text('x'.repeat(2_000)))
      await tidy?.()
      expect(seqs(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual([seq])
    })

    test('shows no record of the greatest age', async () => {
      const { log, clock } = await start({ NESTWIRE_HISTORY_MAX_AGE_MS: '1000' })
      await log.append(lobby, text('old'))
      clock.advance(999)
      const { seq } = await log.append(lobby, text('young'))
      const behind = trustedSeq(seq + 1)
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['old', 'young'])
      clock.advance(1)
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['young'])
      expect(bodies(await log.readBefore(lobby, behind, plenty))).toEqual(['young'])
      clock.advance(999)
      expect(await log.readBefore(lobby, behind, plenty)).toEqual([])
      expect(await log.append(lobby, text('next'))).toMatchObject({ seq: afterwards(seq), prev: seq })
    })

    test('a clock that was set back leaves no hole in what expires', async () => {
      const { log, clock } = await start({ NESTWIRE_HISTORY_MAX_AGE_MS: '1000' })
      clock.setWallClock(clock.now() + 500)
      const { seq: first } = await log.append(lobby, text('of the future'))
      clock.setWallClock(clock.now() - 500)
      await log.append(lobby, text('the oldest by its time'))
      clock.advance(600)
      const { seq: last } = await log.append(lobby, text('young'))
      const behind = trustedSeq(last + 1)
      clock.advance(400)
      const all = ['of the future', 'the oldest by its time', 'young']
      expect(bodies(await log.readAfter(lobby, first, plenty))).toEqual(all.slice(1))
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(all)
      expect(bodies(await log.readBefore(lobby, behind, plenty))).toEqual(all)
      clock.advance(500)
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['young'])
      expect(bodies(await log.readBefore(lobby, behind, plenty))).toEqual(['young'])
    })

    test('a clock that jumps ahead makes nothing old for ten minutes', async () => {
      const { log, clock } = await start({ NESTWIRE_HISTORY_MAX_AGE_MS: '3600000' })
      const nowMs = clock.now()
      await log.append(lobby, text('before'))
      clock.setWallClock(nowMs + 10 * YEAR_MS)
      await log.append(lobby, text('from the future'))
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['before', 'from the future'])
      clock.advance(599_999)
      const { seq } = await log.append(lobby, text('still'))
      const read = await log.readBefore(lobby, trustedSeq(seq + 1), plenty)
      expect(bodies(read)).toEqual(['before', 'from the future', 'still'])
      clock.setWallClock(nowMs + 599_999)
      clock.advance(1)
      await log.append(lobby, text('right again'))
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual([...bodies(read), 'right again'])
    })

    test('a clock that stays ahead is right', async () => {
      const { log, clock } = await start({ NESTWIRE_HISTORY_MAX_AGE_MS: '3600000' })
      await log.append(lobby, text('before'))
      clock.setWallClock(clock.now() + 10 * YEAR_MS)
      await log.append(lobby, text('after'))
      clock.advance(600_000)
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['after'])
    })

    test('deletes and trims rooms that nobody wrote to', async () => {
      const { log } = await start()
      await log.trim(lobby, trustedSeq(5))
      await log.deleteRoom(lobby)
      expect(await log.append(lobby, text('first'))).toMatchObject({ seq: numbered(1), prev: 0 })
    })

    test('deletes only the epoch that is meant', async () => {
      const { log } = await startWith(2)
      const { epoch } = await log.head(lobby)
      await log.deleteRoom(lobby, epoch)
      const next = await log.head(lobby)
      expect(next.epoch).not.toBe(epoch)
      await log.append(lobby, text('later room'))
      await log.deleteRoom(lobby, epoch)
      expect((await log.head(lobby)).epoch).toBe(next.epoch)
      expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['later room'])
    })

    test('deletes a room while records are on their way', async () => {
      const { log } = await start()
      const late = log.append(lobby, text('late'))
      const deletion = log.deleteRoom(lobby)
      const next = log.append(lobby, text('next'))
      await Promise.all([late, deletion])
      expect(await next).toMatchObject({ seq: numbered(1), prev: 0 })
      expect(await log.readAfter(lobby, NO_SEQ, plenty)).toEqual([await next])
    })

    test('goes on with another room while the one of that name is deleted', async () => {
      const { log } = await startWith(3)
      const { epoch } = await log.head(lobby)
      const deletions = [log.deleteRoom(lobby)]
      const head = await log.head(lobby)
      expect(head).toEqual({ epoch: expect.not.toSatisfy((other) => other === epoch), seq: 0 })
      await log.append(lobby, text('short life'))
      deletions.push(log.deleteRoom(lobby))
      const record = await log.append(lobby, text('again'))
      await Promise.all(deletions)
      expect(record).toMatchObject({ seq: numbered(1), prev: 0 })
      expect(await log.readAfter(lobby, NO_SEQ, plenty)).toEqual([record])
    })

    test('answers a repeat with the place of the first', async () => {
      const { log, clock } = await start()
      const { seq, timeMs } = await log.append(lobby, message(1))
      clock.advance(10)
      const second = await log.append(lobby, message(2))
      expect(await log.append(lobby, message(1))).toEqual({ isRepeat: true, seq, timeMs })
      expect(await log.append(lobby, { ...message(1, 10), body: Buffer.from('other') })).toMatchObject({
        isRepeat: true,
        seq,
      })
      expect(await log.repeatOf(lobby, alice, idOf(1))).toEqual({ isRepeat: true, seq, timeMs })
      expect(seqs(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual([seq, second.seq])
    })

    test('knows no id before its message', async () => {
      const { log } = await start()
      expect(log.repeatOf(lobby, alice, idOf(1))).toBeUndefined()
      await log.append(lobby, text('without'))
      expect(log.repeatOf(lobby, alice, idOf(1))).toBeUndefined()
    })

    test('a repeat of a message on its way shares its outcome', async () => {
      const { log } = await start()
      const settled: string[] = []
      const first = log.append(lobby, message(1)).then((record) => settled.push(`first ${record.seq}`))
      const second = log.append(lobby, message(1)).then((record) => settled.push(`second ${record.seq}`))
      const third = log.repeatOf(lobby, alice, idOf(1))?.then((record) => settled.push(`third ${record.seq}`))
      await Promise.all([first, second, third])
      const { seq } = await log.head(lobby)
      expect(seq).toEqual(numbered(1))
      expect(settled[0]).toBe(`first ${seq}`)
      expect(settled.toSorted()).toEqual([`first ${seq}`, `second ${seq}`, `third ${seq}`])
    })

    test('ids are those of one sender in one room', async () => {
      const { log } = await start()
      await log.append(lobby, message(1))
      const others = [
        await log.append(attic, message(1)),
        await log.append(lobby, { ...message(1), sender: userId('bob') }),
        await log.append(lobby, { ...message(1), id: { messageId: Buffer.alloc(16) } }),
      ]
      expect(others.filter(isRepeat)).toEqual([])
    })

    test('keeps an id whose memory is used again', async () => {
      const { log } = await start()
      const messageId = Buffer.from(idOf(1))
      const { seq } = await log.append(lobby, { ...text('m1'), id: { messageId } })
      messageId.fill(0)
      expect(await log.append(lobby, message(1))).toMatchObject({ isRepeat: true })
      expect(await log.append(lobby, { ...text('m2'), id: { messageId } })).toMatchObject({ seq: afterwards(seq) })
    })

    test('knows an id as long as the window and a minute, whatever the wall clock', async () => {
      const { log, clock } = await start({ NESTWIRE_DEDUP_WINDOW_MS: '2000' })
      const { seq } = await log.append(lobby, message(1))
      clock.setWallClock(clock.now() + 86_400_000)
      clock.advance(62_000)
      clock.setWallClock(0)
      expect(await log.append(lobby, message(1))).toMatchObject({ isRepeat: true, seq })
    })

    test('takes a repeat of an unknown id as old as the window, and no older', async () => {
      const { log } = await start({ NESTWIRE_DEDUP_WINDOW_MS: '2000' })
      const { seq } = await log.append(lobby, message(1, 2_000))
      const doubt = log.append(lobby, message(2, 2_001))
      await expect(doubt).rejects.toMatchObject({ failure: { code: 'OUTCOME_UNKNOWN' } })
      await expect(doubt).rejects.toBeInstanceOf(LogFault)
      expect((await log.head(lobby)).seq).toBe(seq)
    })

    test('a room of the same name later knows nothing of the ids', async () => {
      const { log } = await start()
      await log.append(lobby, message(1))
      await log.deleteRoom(lobby)
      const again = await log.append(lobby, message(1))
      expect(again).toMatchObject({ seq: numbered(1), prev: 0 })
      expect(await log.append(lobby, message(1))).toMatchObject({ isRepeat: true, seq: again.seq })
    })

    test('knows ids of records that were trimmed', async () => {
      const { log } = await start()
      const { seq } = await log.append(lobby, message(1))
      await log.trim(lobby, seq)
      expect(await log.append(lobby, message(1))).toMatchObject({ isRepeat: true, seq })
    })

    test('refuses appends once closed, and says so', async () => {
      const { log } = await start()
      expect(log.fault()).toBeUndefined()
      await log.close()
      const refusal = log.append(lobby, text('late'))
      await expect(refusal).rejects.toThrow('closed')
      await expect(refusal).rejects.toBeInstanceOf(LogFault)
      expect(log.fault()).toContain('closed')
    })

    test('closes twice, after what was appended before', async () => {
      const { log } = await start()
      const append = log.append(lobby, text('just in time'))
      await Promise.all([log.close(), log.close()])
      expect(await append).toMatchObject({ seq: numbered(1) })
    })
  })

  if (forgetsIds) forgottenIdsContract(engine, start)
}

/** For engines that forget ids by their own clock and count. */
function forgottenIdsContract(engine: string, start: (env: Environment) => Promise<LogUnderTest>): void {
  describe(`ids that the room log forgets: ${engine}`, () => {
    test('forgets an id after the window and a minute', async () => {
      const { log, clock } = await start({ NESTWIRE_DEDUP_WINDOW_MS: '2000' })
      const { seq } = await log.append(lobby, message(1))
      clock.advance(62_001)
      expect(await log.append(lobby, message(1))).toMatchObject({ seq: seq + 1, prev: seq })
    })

    test('forgets the oldest id beyond the count, and is in doubt from then on', async () => {
      const { log, clock } = await start({ NESTWIRE_DEDUP_MAX_IDS: '3' })
      for (const number of [1, 2, 3]) await log.append(lobby, message(number))
      expect(await log.append(lobby, message(1))).toMatchObject({ isRepeat: true })
      clock.advance(1_000)
      await log.append(lobby, message(4))
      expect(log.repeatOf(lobby, alice, idOf(1))).toBeUndefined()
      expect(await log.append(lobby, message(2))).toMatchObject({ isRepeat: true })
      // The forgotten one is a second old, and five more must lie between.
      await expect(log.append(lobby, message(1, 1_000))).rejects.toMatchObject({
        failure: { code: 'OUTCOME_UNKNOWN' },
      })
      clock.advance(4_999)
      await expect(log.append(lobby, message(1, 1_000))).rejects.toBeInstanceOf(LogFault)
      clock.advance(1)
      expect(await log.append(lobby, message(5, 1_000))).toMatchObject({ seq: 5 })
    })
  })
}
