/** CANCELs of requests that there never were, and of some that there are. */
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import { request } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const CANCELS = 500

export const cancelFlood: Attack = {
  name: 'CANCEL flood',
  metrics: [{ name: 'nestwire_received_frames_total', least: 10_000 }],
  async run(scene) {
    const member = await scene.login('canceller')
    const chunk = (): Buffer => {
      const correlation = member.nextCorrelation()
      const real = [request('rooms.list', {}, correlation), { kind: 'cancel', correlation } as const]
      const made = Array.from(
        { length: CANCELS },
        (_, index) => ({ kind: 'cancel', correlation: 2 ** 31 + index }) as const,
      )
      return Buffer.concat([...real, ...made].map(encodePacket))
    }
    await member.flood(chunk, scene.size(1_000, 10_000))
    await member.settled()
    scene.expect(!member.isOver, `the canceller was closed: ${scene.tally.describe()}`)
    scene.expect(scene.tally.errors.size === 0, scene.tally.describe())
  },
}
