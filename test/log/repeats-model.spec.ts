/** Repeats on LMDB against a Map: whatever is sent again at once or later, trimmed, deleted, swept and reopened. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRepeat } from '../../src/log/room-log.js'
import { trustedSeq, type RoomId } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { openLog, type OpenLog } from './open-logs.js'

const rooms = [roomId('lobby'), roomId('кухня')]
const senders = [userId('alice'), userId('bob')]
const message = fc.record({
  kind: fc.constant('send' as const),
  room: fc.constantFrom(...rooms),
  sender: fc.constantFrom(...senders),
  number: fc.integer({ min: 0, max: 5 }),
})
const other = fc.record({
  kind: fc.constantFrom('settle' as const, 'settle', 'settle', 'reopen', 'trim', 'delete', 'sweep'),
  room: fc.constantFrom(...rooms),
})
const script = fc.array(fc.oneof({ weight: 5, arbitrary: message }, { weight: 2, arbitrary: other }), { maxLength: 50 })

interface Answer {
  readonly seq: number
  readonly isRepeat: boolean
}

/** Of each room the seqs by sender and id. */
class Model {
  private readonly places = new Map<RoomId, Map<string, number>>()

  send(room: RoomId, key: string): Answer {
    const places = this.places.get(room) ?? new Map<string, number>()
    this.places.set(room, places)
    const known = places.get(key)
    if (known !== undefined) return { seq: known, isRepeat: true }
    places.set(key, places.size + 1)
    return { seq: places.size, isRepeat: false }
  }

  delete(room: RoomId): void {
    this.places.delete(room)
  }
}

test('gives each message one place, across restarts', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const model = new Model()
      let open: OpenLog = await openLog()
      let [answers, expected]: [Promise<Answer>[], Answer[]] = [[], []]
      for (const step of steps) {
        const { room } = step
        if (step.kind === 'send') {
          const { sender, number } = step
          const id = { messageId: Buffer.alloc(16, `${number}`) }
          const record = { kind: RecordKind.Text, sender, body: Buffer.alloc(1), id }
          answers.push(open.log.append(room, record).then((one) => ({ seq: one.seq, isRepeat: isRepeat(one) })))
          expected.push(model.send(room, `${sender} ${number}`))
          continue
        }
        expect(await Promise.all(answers)).toEqual(expected)
        ;[answers, expected] = [[], []]
        if (step.kind === 'reopen') open = await open.reopen()
        else if (step.kind === 'trim') await open.log.trim(room, trustedSeq(3))
        else if (step.kind === 'sweep') open.clock.advance(1_000)
        else if (step.kind === 'delete') {
          await open.log.deleteRoom(room)
          model.delete(room)
        }
      }
      expect(await Promise.all(answers)).toEqual(expected)
      await open.log.close()
    }),
    { numRuns: 25 },
  )
})
