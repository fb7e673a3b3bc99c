/** Messages of low priority, as many as the server reads, in a room that is nobody else's. */
import { Priority } from '../../../src/protocol/constants.js'
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import { join, publish } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const FLOODERS = 10
const PER_WRITE = 50
const BODY = Buffer.alloc(256, 'spam ')

export const lowPriorityFlood: Attack = {
  name: 'publish flood of low priority',
  metrics: [{ name: 'nestwire_publishes_total', least: 1_000 }],
  async run(scene) {
    const { tally } = scene
    const durationMs = scene.size(2_000, 10_000)
    const crowd = await Promise.all(
      Array.from({ length: FLOODERS }, (_, host) => scene.login(`flooder-${host}`, { host })),
    )
    await Promise.all(crowd.map((member) => member.ask((correlation) => join('low-flood', correlation))))
    await Promise.all(
      crowd.map((member) => {
        const messages = (): Buffer =>
          Buffer.concat(
            Array.from({ length: PER_WRITE }, () =>
              encodePacket({
                ...publish('low-flood', BODY, member.nextCorrelation()),
                priority: Priority.Low,
              } as never),
            ),
          )
        return member.flood(messages, durationMs)
      }),
    )
    await scene.until(() => tally.count('ack') >= 1_000, 10_000)
    scene.note(`${tally.count('ack')} acknowledged`)
    scene.expect(tally.count('ack') > 0, `no message was acknowledged: ${tally.describe()}`)
    const known = new Set(['BACKPRESSURE', 'RATE_LIMITED'])
    const other = [...tally.errors.keys()].filter((name) => !known.has(name))
    scene.expect(other.length === 0, `refused with ${other.join(', ')}`)
  },
}
