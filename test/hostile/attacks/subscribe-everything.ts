/** One user who joins all the rooms it may and more, on several devices, over and over. */
import { join } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const MAX_ROOMS = 128
const DEVICES = 5

const joins = Array.from(
  { length: MAX_ROOMS + 20 },
  (_, index) => (correlation: number) => join(`everything-${index}`, correlation),
)

export const subscribeEverything: Attack = {
  name: 'subscribe to everything',
  metrics: [{ name: 'nestwire_request_errors_total', labels: { code: 'TOO_MANY_ROOMS' }, least: 300 }],
  async run(scene) {
    const { tally } = scene
    const rounds = scene.size(3, 30)
    const devices = await Promise.all(Array.from({ length: DEVICES }, (_, host) => scene.login('collector', { host })))
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(devices.map((device) => device.askAll(joins)))
    }
    const [joined, refused] = [tally.count('joined'), tally.refusedWith('TOO_MANY_ROOMS')]
    scene.expect(joined === rounds * DEVICES * MAX_ROOMS, `${joined} joins: ${tally.describe()}`)
    scene.expect(refused === rounds * DEVICES * 20, `${refused} refusals: ${tally.describe()}`)
  },
}
