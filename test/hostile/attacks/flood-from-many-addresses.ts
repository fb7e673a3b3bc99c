/** More connections than the server takes, each of an address of its own. */
import type { Attack } from '../attack.js'
import { MAX_CONNECTIONS } from '../settings.js'

export const floodFromManyAddresses: Attack = {
  name: 'connect flood from many addresses',
  metrics: [{ name: 'nestwire_connections_refused_total', labels: { reason: 'full' }, least: 200 }],
  async run(scene) {
    const places = scene.size(MAX_CONNECTIONS.short, MAX_CONNECTIONS.long)
    const crowd = await scene.crowd(places + 500, (index) => index)
    const outside = (): number => crowd.filter(({ isOver }) => isOver).length
    scene.expect(
      await scene.until(() => outside() >= 500, 10_000),
      `only ${outside()} of ${crowd.length} were turned away`,
    )
    // Beyond what a full server answers it hangs up.
    const told = scene.tally.closedWith('ServerFull')
    scene.expect(told >= 200, `${told} were told that the server is full: ${scene.tally.describe()}`)
  },
}
