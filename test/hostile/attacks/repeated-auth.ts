/** AUTH over and over on connections that are logged in: good tokens, bad ones, those of others. */
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import { auth } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const PER_WRITE = 30
const CONNECTIONS = 10

export const repeatedAuth: Attack = {
  name: 'AUTH repeated on one connection',
  metrics: [{ name: 'nestwire_request_errors_total', labels: { code: 'TOKEN_INVALID' }, least: 1 }],
  async run(scene) {
    const { tally } = scene
    const [own, foreign] = [await scene.token('repeater'), await scene.token('somebody-else')]
    const tokens = [own, foreign, 'nonsense']
    const crowd = await Promise.all(Array.from({ length: CONNECTIONS }, (_, host) => scene.login('repeater', { host })))
    await Promise.all(
      crowd.map((member) => {
        const logins = (): Buffer =>
          Buffer.concat(
            Array.from({ length: PER_WRITE }, (_, index) =>
              encodePacket(auth(tokens[index % tokens.length] ?? own, member.nextCorrelation())),
            ),
          )
        return member.flood(logins, scene.size(1_000, 10_000))
      }),
    )
    scene.expect(
      crowd.every(({ isOver }) => !isOver),
      `somebody was closed: ${tally.describe()}`,
    )
    scene.expect(tally.count('authOk') > CONNECTIONS, `no refresh: ${tally.describe()}`)
    for (const code of ['TOKEN_INVALID', 'USER_MISMATCH']) {
      scene.expect(tally.refusedWith(code) > 0, `nobody told ${code}: ${tally.describe()}`)
    }
  },
}
