/** Pages of history that are asked for without end and never read. */
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import { join, publish, request } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const READERS = 20
const MESSAGES = 200
const BODY = Buffer.alloc(1_000, 'history ')
const PER_WRITE = 50
const CLOSED = { name: 'nestwire_closes_total', labels: { code: 'SlowConsumer' } } as const
/** Of the write stall timeout at its default, 30 s, and a look once in a quarter of it; in the short form of 5 s. */
const PATIENCE_MS = { short: 30_000, long: 60_000 } as const
const LOOK_MS = 500

export const unreadAnswers: Attack = {
  name: 'answers that nobody reads',
  isDeadlineAwaited: true,
  metrics: [{ ...CLOSED, least: READERS }],
  async run(scene) {
    const closedBefore = await scene.count(CLOSED)
    const [room, data] = ['unread', { room: 'unread', limit: 200 }]
    const writer = await scene.login('writer')
    await writer.ask((correlation) => join(room, correlation))
    await writer.askAll(Array.from({ length: MESSAGES }, () => (correlation) => publish(room, BODY, correlation)))
    const crowd = await Promise.all(
      Array.from({ length: READERS }, (_, host) => scene.login(`unreader-${host}`, { host })),
    )
    await Promise.all(crowd.map((member) => member.ask((correlation) => join(room, correlation))))
    await Promise.all(
      crowd.map((member) => {
        member.stopReading()
        const questions = (): Buffer =>
          Buffer.concat(
            Array.from({ length: PER_WRITE }, () =>
              encodePacket(request('chat.history', data, member.nextCorrelation())),
            ),
          )
        return member.flood(questions, scene.size(1_500, 20_000))
      }),
    )
    // Whoever reads nothing of what waits is told so, behind all that it did not read.
    const areClosed = async (): Promise<boolean> => (await scene.count(CLOSED)) - closedBefore >= READERS
    await scene.until(areClosed, scene.size(PATIENCE_MS.short, PATIENCE_MS.long), LOOK_MS)
    for (const member of crowd) member.readOn()
    await scene.until(() => crowd.every(({ isOver }) => isOver), 10_000)
    const gone = scene.tally.closedWith('SlowConsumer') + scene.tally.cut
    scene.expect(gone === READERS, `${gone} of ${READERS} were closed: ${scene.tally.describe()}`)
  },
}
