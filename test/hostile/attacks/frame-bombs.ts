/** Lengths, depths and sizes that promise more than anybody may send. */
import { header } from '../../faults/wire-bytes.js'
import type { Attack } from '../attack.js'

const nested = (opening: string, depth: number): Buffer => Buffer.from(`${opening.repeat(depth)}c0`, 'hex')
const bodies: readonly Buffer[] = [
  nested('91', 60_000),
  nested('81a161', 16_000),
  Buffer.from('dfffffffff', 'hex'),
  Buffer.from('ddffffffff', 'hex'),
  Buffer.from('dbffffffff61', 'hex'),
  // A map in an array in a map, each of as many entries as there may be.
  Buffer.from('df0000ffffa161dd0000ffff', 'hex'),
]

const CALL = {
  kind: 'request',
  priority: 0,
  deadlineMs: undefined,
  metadata: undefined,
  pattern: 'rooms.join',
} as const

export const frameBombs: Attack = {
  name: 'frame bombs: length, depth, map size',
  metrics: [{ name: 'nestwire_closes_total', labels: { code: 'FrameTooLarge' }, least: 201 }],
  async run(scene) {
    const { tally } = scene
    const strangers = await scene.crowd(scene.size(200, 2_000), (index) => index)
    for (const stranger of strangers) stranger.sendBytes(header({ type: 1, length: 0xffff_ffff }))
    await scene.expectClosed(strangers, 'FrameTooLarge', 5_000)

    const rounds = scene.size(50, 1_000)
    const member = await scene.login('bomber')
    for (let round = 0; round < rounds; round += 1) {
      await member.askAll(bodies.map((body) => (correlation) => ({ ...CALL, correlation, body })))
    }
    const refused = tally.refusedWith('BAD_BODY')
    scene.expect(refused === rounds * bodies.length, `${refused} bodies refused: ${tally.describe()}`)
    member.sendBytes(header({ type: 2, length: 65_537 }))
    await member.ended
    scene.expect(tally.closedWith('FrameTooLarge') === strangers.length + 1, tally.describe())
  },
}
