/** Clients that confirm what they were never sent, take back what they confirmed, and stand in rooms that are not theirs. */
import { Feature } from '../../../src/protocol/constants.js'
import { trustedSeq } from '../../../src/protocol/ids.js'
import type { Packet } from '../../../src/protocol/packets.js'
import { roomOf } from '../../support/example-packets.js'
import type { Attack } from '../attack.js'

const position = (receivedBytes: number): Packet => ({ kind: 'position', receivedBytes, positions: [] })

export const positionLies: Attack = {
  name: 'POSITION lies',
  metrics: [{ name: 'nestwire_closes_total', labels: { code: 'BadField' }, least: 100 }],
  async run(scene) {
    const features = Feature.Positions
    const count = scene.size(100, 1_000)
    const liars = []
    for (let index = 0; index < count; index += 1) {
      const liar = await scene.login(`liar-${index % 20}`, { host: index, features })
      if (index % 3 === 0) liar.send(position(2 ** 40))
      else if (index % 3 === 1) liar.send(position(10), position(5))
      else liar.send(position(Number.MAX_SAFE_INTEGER))
      liars.push(liar)
    }
    await scene.expectClosed(liars, 'BadField', 5_000)

    // A place in a room that the liar is not in is nobody's business: it is neither believed nor punished.
    const guest = await scene.login('guest', { features })
    const positions = [{ room: roomOf('the honest'), seq: trustedSeq(1) }]
    guest.send({ kind: 'position', receivedBytes: 0, positions })
    await guest.settled()
    scene.expect(!guest.isOver, `a foreign place closed the guest: ${scene.tally.describe()}`)
  },
}
