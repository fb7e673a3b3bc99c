/** Sockets of which one side has ended, and of which the other side says nothing any more. */
import { Feature } from '../../../src/protocol/constants.js'
import { join } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

export const halfOpen: Attack = {
  name: 'half-open sockets',
  metrics: [{ name: 'nestwire_closes_total', labels: { code: 'Normal' }, least: 300 }],
  async run(scene) {
    const { tally } = scene
    const count = scene.size(300, 3_000)
    const unknown = await scene.crowd(count, (index) => index)
    // Half of them end before they greet, half after; none reads or closes its own side.
    await Promise.all(unknown.filter((_, index) => index % 2 === 0).map((intruder) => intruder.greet()))
    for (const intruder of unknown) intruder.finish()
    const areGone = await scene.until(() => unknown.every(({ isOver }) => isOver), 10_000)
    scene.expect(areGone, 'the server keeps sockets whose clients have ended')
    const member = await scene.login('half', { features: Feature.Positions })
    member.send(join('half-open', member.nextCorrelation()))
    member.finish()
    await member.ended
    scene.expect(tally.count('joined') === 1, `what was asked for before the end is answered: ${tally.describe()}`)
    scene.expect(tally.closedWith('Normal') >= 1, tally.describe())
  },
}
