import { expect } from 'vitest'
import type { RoomHead } from '../../src/log/room-log.js'
import type { Packet } from '../../src/protocol/packets.js'

/**
 * What of one room is among `packets` is one unbroken chain from `from` on, the gaps that were told included: nothing
 * twice, nothing out of order, no silent hole. Returns where it ends.
 */
export function expectChain({ packets }: { readonly packets: readonly Packet[] }, from: RoomHead): number {
  return packets.reduce((position: number, packet) => {
    if (packet.kind === 'gap') {
      expect(packet).toMatchObject({ epoch: from.epoch, from: position })
      return packet.to
    }
    if (packet.kind !== 'deliver') return position
    expect(packet.epoch).toBe(from.epoch)
    return packet.records.reduce((at: number, { prev, seq }) => {
      expect([prev, seq > at]).toEqual([at, true])
      return seq
    }, position)
  }, from.seq)
}
