/** CANCELs of requests that there never were, of some that are answered at once, and of pages of history that wait to be read. */
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import { join, publish, request } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const CANCELS = 500
const PAGES = 100
const PAGE_BYTES = 30_000

export const cancelFlood: Attack = {
  name: 'CANCEL flood',
  metrics: [{ name: 'nestwire_received_frames_total', least: 10_000 }],
  async run(scene) {
    const member = await scene.login('canceller')
    const room = 'cancelled-pages'
    await member.ask((correlation) => join(room, correlation))
    await member.ask((correlation) => publish(room, Buffer.alloc(PAGE_BYTES), correlation))
    const chunk = (): Buffer => {
      const correlation = member.nextCorrelation()
      const real = [request('rooms.list', {}, correlation), { kind: 'cancel', correlation } as const]
      const made = Array.from(
        { length: CANCELS },
        (_, index) => ({ kind: 'cancel', correlation: 2 ** 31 + index }) as const,
      )
      const pages = Array.from({ length: PAGES }, () => {
        const page = member.nextCorrelation()
        return [request('chat.history', { room, limit: 1 }, page), { kind: 'cancel', correlation: page } as const]
      })
      return Buffer.concat([...real, ...made, ...pages.flat()].map(encodePacket))
    }
    await member.flood(chunk, scene.size(1_000, 10_000))
    await member.settled()
    scene.expect(!member.isOver, `the canceller was closed: ${scene.tally.describe()}`)
    scene.expect(scene.tally.errors.size === 0, scene.tally.describe())
  },
}
