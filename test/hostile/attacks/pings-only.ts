/** Somebody who does nothing but ping, as fast as the line takes it. */
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import type { Attack } from '../attack.js'

const PER_WRITE = 1_000
const PINGERS = 4

export const pingsOnly: Attack = {
  name: 'pings only',
  metrics: [{ name: 'nestwire_received_frames_total', least: 10_000 }],
  async run(scene) {
    const crowd = await Promise.all(
      Array.from({ length: PINGERS }, (_, host) => scene.login(`pinger-${host}`, { host })),
    )
    const pings = Buffer.concat(
      Array.from({ length: PER_WRITE }, (_, index) => encodePacket({ kind: 'ping', correlation: 1_000_000 + index })),
    )
    await Promise.all(crowd.map((pinger) => pinger.flood(() => pings, scene.size(1_000, 10_000))))
    const pongs = scene.tally.count('pong')
    scene.note(`${pongs} pongs`)
    scene.expect(pongs > 0, 'no PING was answered')
  },
}
