import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'
import { arbitraryPacket, arbitraryPackets } from '../support/arbitrary-packets.js'
import { receivePackets } from '../support/deliveries.js'
import { naiveDecodeFrames, naiveDecodePacket, naiveEncodePacket, NaiveFault } from '../support/naive-codec.js'

function naiveReceive(wire: Uint8Array): unknown[] {
  return naiveDecodeFrames(wire, { maxFrameBytes: 1024 * 1024, eof: true }).map((frame) => {
    if (frame instanceof NaiveFault) throw frame
    return naiveDecodePacket(frame)
  })
}

const arbitraries: readonly (readonly [string, fc.Arbitrary<Packet>])[] = Object.entries(arbitraryPackets)

describe.each(arbitraries)('%s', (_kind, arbitrary) => {
  test('is the same after encoding and decoding', () => {
    fc.assert(
      fc.property(arbitrary, (packet) => {
        expect(receivePackets([encodePacket(packet)], { eof: true })).toEqual({ items: [packet], fault: undefined })
      }),
    )
  })

  test('is the same to the naive twin, both ways', () => {
    fc.assert(
      fc.property(arbitrary, (packet) => {
        const wire = encodePacket(packet)
        expect(Buffer.compare(wire, naiveEncodePacket(packet))).toBe(0)
        expect(naiveReceive(wire)).toEqual([packet])
      }),
    )
  })
})

test('a stream cut anywhere gives the same packets', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(fc.array(arbitraryPacket, { maxLength: 8 }), cuts, (packets, sizes) => {
      const wire = Buffer.concat(packets.map(encodePacket))
      const chunks: Buffer[] = []
      for (let at = 0, turn = 0; at < wire.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1
        chunks.push(wire.subarray(at, at + size))
        at += size
      }
      expect(receivePackets(chunks, { eof: true })).toEqual({ items: packets, fault: undefined })
    }),
  )
})
