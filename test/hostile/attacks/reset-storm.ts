/** Connections that are reset: at once, after the greeting, after the login, in the midst of a join. */
import { auth, join } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const AT_ONCE = 100

export const resetStorm: Attack = {
  name: 'RST storm',
  metrics: [{ name: 'nestwire_closes_total', labels: { code: 'none' }, least: 300 }],
  async run(scene) {
    const total = scene.size(1_500, 20_000)
    const tokens = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => scene.token(`resetter-${index}`)))
    for (let done = 0; done < total; done += AT_ONCE) {
      const crowd = await scene.crowd(AT_ONCE, (index) => done + index)
      await Promise.all(
        crowd.map(async (intruder, index) => {
          if (index % 4 > 0) await intruder.greet()
          if (index % 4 > 1) intruder.send(auth(tokens[index] ?? '', intruder.nextCorrelation()))
          if (index % 4 > 2) intruder.send(join('reset-storm', intruder.nextCorrelation()))
          intruder.reset()
        }),
      )
    }
    scene.expect(scene.tally.cut === 0, `${scene.tally.cut} were cut before they left`)
  },
}
