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
