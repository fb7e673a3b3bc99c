/** The LMDB engine against a model of ten lines: whatever is appended, read, trimmed, deleted and reopened. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_SEQ, trustedSeq, type RoomId } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { openLog, type OpenLog } from './open-logs.js'

const MAX_RECORDS = 20
const names = [roomId('lobby'), roomId('attic'), roomId('кухня')]

/** A room that exists holds the bodies of seq `dropped + 1` on. */
class Model {
  readonly rooms = new Map<RoomId, { dropped: number; bodies: string[] }>()

  of(room: RoomId): { dropped: number; bodies: string[] } {
    return this.rooms.get(room) ?? this.rooms.set(room, { dropped: 0, bodies: [] }).get(room) ?? this.of(room)
  }

  append(room: RoomId, body: string): void {
    const { bodies } = this.of(room)
    bodies.push(body)
    this.trim(room, this.last(room) - MAX_RECORDS)
  }

  trim(room: RoomId, upTo: number): void {
    const kept = this.of(room)
    const gone = Math.max(0, Math.min(upTo - kept.dropped, kept.bodies.length))
    kept.bodies.splice(0, gone)
    kept.dropped += gone
  }

  last = (room: RoomId): number => this.of(room).dropped + this.of(room).bodies.length
}

const room = fc.constantFrom(...names)
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('append'), room, count: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('trim'), room, count: fc.integer({ min: 0, max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), room, count: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen'), room, count: fc.constant(0) }) },
  ),
  { maxLength: 25 },
)

test('shows what the model shows, across restarts', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const model = new Model()
      let open: OpenLog = await openLog({ NESTWIRE_HISTORY_MAX_RECORDS: String(MAX_RECORDS) })
      let bodies = 0
      for (const { kind, room, count } of script) {
        if (kind === 'append') {
          const texts = Array.from({ length: count }, () => `m${(bodies += 1)}`)
          const record = (text: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(text) })
          await Promise.all(texts.map((text) => open.log.append(room, record(text))))
          for (const text of texts) model.append(room, text)
        } else if (kind === 'trim') {
          await open.log.trim(room, trustedSeq(count))
          model.trim(room, count)
        } else if (kind === 'delete') {
          await open.log.deleteRoom(room)
          model.rooms.delete(room)
        } else {
          open = await open.reopen()
        }
        await expectSame(open, model)
      }
      await open.log.close()
    }),
    { numRuns: 15 },
  )
})

async function expectSame({ log }: OpenLog, model: Model): Promise<void> {
  for (const room of names) {
    const { dropped, bodies } = model.of(room)
    const last = model.last(room)
    expect((await log.head(room)).seq).toBe(last)
    const all = await log.readAfter(room, NO_SEQ, { maxRecords: 1_000, maxBytes: Infinity })
    expect(all.map(({ body }) => body.toString())).toEqual(bodies)
    expect(all.map(({ seq, prev }) => [seq, prev])).toEqual(
      bodies.map((_, index) => [dropped + index + 1, dropped + index]),
    )
    const middle = trustedSeq(dropped + Math.ceil(bodies.length / 2))
    const limit = { maxRecords: 7, maxBytes: Infinity }
    expect(await log.readAfter(room, middle, limit)).toEqual(all.filter(({ seq }) => seq > middle).slice(0, 7))
    expect(await log.readBefore(room, middle, limit)).toEqual(all.filter(({ seq }) => seq < middle).slice(-7))
  }
}
