/** Names of rooms and users far above 128 bytes, wherever a name may stand. */
import { auth, request } from '../../support/client-packets.js'
import { frame } from '../../faults/wire-bytes.js'
import type { Attack } from '../attack.js'

const HUGE = 'n'.repeat(60_000)
/** JOIN with correlation 1; its length byte speaks of the 255 bytes that follow it. */
const JOIN_OF_255 = Buffer.concat([Buffer.of(0x50, 0, 0, 0, 0, 1, 255), Buffer.alloc(255, 'n')])

export const hugeNames: Attack = {
  name: 'huge names of rooms and users',
  metrics: [
    { name: 'nestwire_closes_total', labels: { code: 'BadField' }, least: 1 },
    { name: 'nestwire_request_errors_total', labels: { code: 'BAD_PAYLOAD' }, least: 400 },
  ],
  async run(scene) {
    const { tally } = scene
    const member = await scene.login('namer')
    const rounds = scene.size(100, 2_000)
    for (let round = 0; round < rounds; round += 1) {
      const calls: readonly (readonly [string, object])[] = [
        ['rooms.join', { room: HUGE }],
        ['rooms.ban', { room: 'r', user: HUGE }],
        ['rooms.list', { after: HUGE }],
        ['rooms.signal', { room: 'r', name: HUGE }],
      ]
      await member.askAll(
        calls.map(
          ([pattern, data]) =>
            (correlation) =>
              request(pattern, data, correlation),
        ),
      )
    }
    const refused = tally.refusedWith('BAD_PAYLOAD')
    scene.expect(refused === rounds * 4, `${refused} of ${rounds * 4} names refused: ${tally.describe()}`)

    member.sendBytes(frame(2, JOIN_OF_255))
    await member.ended
    scene.expect(tally.closedWith('BadField') === 1, tally.describe())

    const stranger = await scene.intruder()
    await stranger.greet()
    stranger.send(auth(await scene.token('u'.repeat(2_000)), 1))
    await stranger.ended
    scene.expect(tally.refusedWith('TOKEN_INVALID') === 1, tally.describe())
  },
}
