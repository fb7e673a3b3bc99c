import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecordRing } from '../../src/log/record-ring.js'
import { trustedSeq } from '../../src/protocol/ids.js'
import { RecordKind, type RoomRecord } from '../../src/protocol/packets.js'
import { userId } from '../delivery/names.js'

const record = (seq: number): RoomRecord => ({
  kind: RecordKind.Text,
  seq: trustedSeq(seq),
  prev: trustedSeq(seq - 1),
  timeMs: 0,
  sender: userId('alice'),
  body: Buffer.alloc(0),
})

test('holds what an array would hold', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (steps) => {
      const ring = new RecordRing()
      const array: RoomRecord[] = []
      const shifted: [RoomRecord | undefined, RoomRecord | undefined][] = []
      let seq = 0
      for (const isPush of steps) {
        if (isPush) {
          seq += 1
          ring.push(record(seq))
          array.push(record(seq))
        } else {
          shifted.push([ring.shift(), array.shift()])
        }
        expect(ring.length).toBe(array.length)
        expect(Array.from(array, (_, index) => ring.at(index))).toEqual(array)
      }
      for (const [fromRing, fromArray] of shifted) expect(fromRing).toEqual(fromArray)
      expect(ring.at(-1)).toBeUndefined()
      expect(ring.at(array.length)).toBeUndefined()
    }),
    { numRuns: 50 },
  )
})

test('takes four slots a record at most, so none when empty', () => {
  const runs = fc.array(fc.record({ pushes: fc.nat(300), shifts: fc.nat(300) }), { maxLength: 20 })
  fc.assert(
    fc.property(runs, (steps) => {
      const ring = new RecordRing()
      const expectFewSlots = (): void => expect(ring.capacity).toBeLessThanOrEqual(4 * ring.length)
      let [pushed, shifted] = [0, 0]
      for (const { pushes, shifts } of steps) {
        for (let left = pushes; left > 0; left -= 1) {
          ring.push(record((pushed += 1)))
          expectFewSlots()
        }
        for (let left = Math.min(shifts, ring.length); left > 0; left -= 1) {
          expect(ring.shift()?.seq).toBe((shifted += 1))
          expectFewSlots()
        }
      }
    }),
    { numRuns: 50 },
  )
})
