/** Order within a room never changes: whatever comes and goes, however urgent, crowded and slow. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DeliveryPriority } from '../../src/delivery/room-delivery.js'
import type { RoomHead } from '../../src/log/room-log.js'
import { trustedSeq } from '../../src/protocol/ids.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { NestwireException } from '../../src/transport/nestwire.exception.js'
import { RecordingConnection } from './recording-connection.js'
import { lobby, startLobby } from './router-stack.js'
import { expectChain } from '../support/room-chain.js'

/** Members that stay: with many a batch takes several slices and things happen in the middle of it; without any, all leave. */
const CROWDS = [40, 40, 1, 0]
const BODY_BYTES = 900

type Step =
  | { readonly kind: 'say'; readonly priority: DeliveryPriority }
  | { readonly kind: 'tick' | 'trim' }
  /** From so many records ago; 0: from now. */
  | { readonly kind: 'attach'; readonly behind: number }
  | { readonly kind: 'detach' | 'slow' | 'read'; readonly whom: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      priority: fc.constantFrom<DeliveryPriority>('normal', 'normal', 'high', 'low', 'notice'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tick' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('attach' as const), behind: fc.constantFrom(0, 0, 1, 5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('detach' as const, 'slow' as const, 'read' as const),
      whom: fc.nat(20),
    }),
  },
)

interface Seen {
  readonly connection: RecordingConnection
  readonly from: RoomHead
}

/** Lanes of a few messages, frames of four, slices of sixteen members. */
const CROWDED = {
  NESTWIRE_LANE_MAX_MESSAGES: '3',
  NESTWIRE_MAX_FRAME_BYTES: '4096',
  NESTWIRE_MAX_MESSAGE_BYTES: '1024',
}

async function startStory(crowd: number) {
  const { router, tick, log, say, members } = await startLobby(crowd, CROWDED, 50)
  // Long enough for the room to move on meanwhile, and shorter than `settle` waits for news.
  const readAfter = log.readAfter.bind(log)
  log.readAfter = async (...wanted) => {
    const records = await readAfter(...wanted)
    for (let turn = 0; turn < 2; turn += 1) await new Promise(setImmediate)
    return records
  }
  const head = await log.head(lobby)
  const [first] = members
  const everybody: Seen[] = first === undefined ? [] : [{ connection: first, from: { ...head } }]
  const present: Seen[] = []
  const answers: Promise<'acknowledged' | 'refused'>[] = []
  const speak = (priority: DeliveryPriority): void => {
    const answer = say(Buffer.alloc(BODY_BYTES), priority).then(
      () => 'acknowledged' as const,
      (error: unknown) => {
        expect(error).toMatchObject({ failure: { errorCode: ErrorCode.Backpressure } })
        expect(error).toBeInstanceOf(NestwireException)
        expect(['normal', 'low']).toContain(priority)
        return 'refused' as const
      },
    )
    answers.push(answer)
  }
  const play = async (now: Step): Promise<void> => {
    switch (now.kind) {
      case 'say':
        speak(now.priority)
        break
      case 'tick':
        tick.end()
        break
      case 'attach': {
        const connection = new RecordingConnection()
        const { seq } = await log.head(lobby)
        const start = now.behind === 0 ? undefined : trustedSeq(Math.max(0, seq - now.behind))
        const newcomer = { connection, from: router.attach(lobby, connection, start) }
        everybody.push(newcomer)
        present.push(newcomer)
        break
      }
      case 'trim':
        await log.trim(lobby, (await log.head(lobby)).seq)
        break
      default:
        playOne(now)
    }
    await new Promise(setImmediate)
  }
  const playOne = ({ kind, whom }: Extract<Step, { whom: number }>): void => {
    const at = whom % Math.max(1, present.length)
    const victim = present[at]?.connection
    if (victim === undefined) return
    if (kind === 'slow') victim.roomForFrames = 1
    if (kind === 'read') {
      victim.read()
      router.connectionWritable(victim)
    }
    if (kind !== 'detach') return
    router.detach(lobby, victim)
    present.splice(at, 1)
  }
  return { router, tick, log, everybody, present, answers, play }
}

test('every member sees an unbroken chain from its position to the end', async () => {
  let refusals = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CROWDS), fc.array(step, { maxLength: 80 }), async (crowd, script) => {
      const { router, tick, log, everybody, present, answers, play } = await startStory(crowd)
      for (const now of script) await play(now)
      for (const { connection } of present) {
        connection.roomForFrames = Infinity
        router.connectionWritable(connection)
      }
      await tick.settle()
      const outcomes = await Promise.all(answers)
      refusals += outcomes.filter((outcome) => outcome === 'refused').length
      const { seq } = await log.head(lobby)
      expect(seq).toBe(outcomes.filter((outcome) => outcome === 'acknowledged').length)
      const ends = new Map(everybody.map(({ connection, from }) => [connection, expectChain(connection, from)]))
      expect(present.map(({ connection }) => ends.get(connection))).toEqual(present.map(() => seq))
      expect([router.heldBytes, router.laggingConnections, tick.waiting]).toEqual([0, 0, 0])
    }),
    { numRuns: 300 },
  )
  expect(refusals).toBeGreaterThan(0)
})

test('what waits when the last member leaves breaks no chain for the next', async () => {
  const { router, tick, say, members } = await startLobby(1)
  await say('waits')
  for (const last of members) router.detach(lobby, last)
  await say('heard by nobody')
  const next = new RecordingConnection()
  const from = router.attach(lobby, next)
  await say('heard')
  await tick.settle()
  expect(expectChain(next, from)).toBe(3)
  expect(router.heldBytes).toBe(0)
})
