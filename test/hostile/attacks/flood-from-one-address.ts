/** Connections as fast as they come, all of one address, none of which says a word. */
import type { Attack } from '../attack.js'

/** The default of NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS. */
const MAX_PER_ADDRESS = 2_000

export const floodFromOneAddress: Attack = {
  name: 'connect flood from one address',
  metrics: [
    { name: 'nestwire_abuse_refused_total', labels: { reason: 'connectionsPerAddress' }, least: 300 },
    { name: 'nestwire_closes_total', labels: { code: 'TooManyConnections' }, least: 200 },
  ],
  async run(scene) {
    const crowd = await scene.crowd(scene.size(MAX_PER_ADDRESS + 300, 10_000))
    const present = (): number => crowd.filter(({ isOver }) => !isOver).length
    const isBounded = await scene.until(() => present() <= MAX_PER_ADDRESS, 10_000)
    scene.expect(isBounded, `${present()} connections of one address`)
    const { tally } = scene
    // Those above it are told so, as many as a server tells at a time; the rest is cut.
    scene.expect(tally.closedWith('TooManyConnections') >= 200, tally.describe())
  },
}
