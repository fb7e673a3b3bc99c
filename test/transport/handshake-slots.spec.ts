/** The rule by which places for handshakes are shared out, beside a twin that counts everybody anew each time. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { HandshakeSlots, PATIENCE_MS } from '../../src/transport/handshake-slots.js'

interface Entrant {
  /** An address; absent: it counts alone. */
  readonly key: string | undefined
  /** Absent: it waits. */
  sinceMs?: number
}

const PLACES = 4
const isShaking = ({ sinceMs }: Entrant): boolean => sinceMs !== undefined

/** Whom nobody counts by address is its own party. */
const partyOf = (everybody: readonly Entrant[], one: Entrant): readonly Entrant[] =>
  one.key === undefined ? [one] : everybody.filter(({ key }) => key === one.key)
const heldBy = (everybody: readonly Entrant[], one: Entrant): number => partyOf(everybody, one).filter(isShaking).length

/** What is not as it has to be; `everybody` in the order in which they came, which is that in which they begin. */
function faultsOf(slots: HandshakeSlots<Entrant>, everybody: readonly Entrant[], nowMs: number): readonly string[] {
  const waiting = everybody.filter((one) => !isShaking(one))
  const shaking = everybody.filter(isShaking)
  const fewest = Math.min(...waiting.map((one) => heldBy(everybody, one)))
  const most = Math.max(...shaking.map((one) => heldBy(everybody, one)))
  const isSlow = ({ sinceMs = nowMs }: Entrant): boolean => nowMs - sinceMs >= PATIENCE_MS
  const turn = slots.next(PLACES, nowMs)
  const givesWay = turn?.givesWay
  const isFull = shaking.length === PLACES
  const facts = {
    'those who hold a place are counted': slots.held === shaking.length,
    'those who wait are known': slots.isAnyoneWaiting === waiting.length > 0,
    'nobody is next while nobody waits': turn === undefined || waiting.length > 0,
    'somebody is next while there is room, or too much is held by one, or all take too long':
      turn !== undefined || waiting.length === 0 || (isFull && most - fewest < 2 && !shaking.every(isSlow)),
    'the next is the first of those who hold the fewest':
      turn === undefined ||
      (heldBy(everybody, turn.begins) === fewest &&
        partyOf(everybody, turn.begins).find((one) => !isShaking(one)) === turn.begins),
    'somebody gives way when there is no room, and only then':
      turn === undefined || isFull === (givesWay !== undefined),
    'who gives way is the first of those who hold the most':
      givesWay === undefined ||
      (heldBy(everybody, givesWay.entrant) === most &&
        partyOf(everybody, givesWay.entrant).find(isShaking) === givesWay.entrant),
    'it takes too long, or holds two more':
      givesWay === undefined ||
      (givesWay.why === 'holdsMost' ? most - fewest >= 2 : most - fewest < 2 && isSlow(givesWay.entrant)),
  }
  return Object.entries(facts).flatMap(([fact, isSo]) => (isSo ? [] : [fact]))
}

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ waits: fc.constantFrom('a', 'b', 'c', 'alone') }) },
    { weight: 3, arbitrary: fc.record({ leaves: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ passesMs: fc.nat(PATIENCE_MS) }) },
    { weight: 4, arbitrary: fc.constant('admits' as const) },
  ),
  { maxLength: 80, size: 'max' },
)

test('the fewest held is next, the most held gives way, and nothing is left of who has gone', () => {
  fc.assert(
    fc.property(steps, (story) => {
      const slots = new HandshakeSlots<Entrant>()
      const everybody: Entrant[] = []
      let nowMs = 0
      const leave = (one: Entrant | undefined): void => {
        if (one === undefined) return
        everybody.splice(everybody.indexOf(one), 1)
        slots.leave(one)
      }
      for (const step of story) {
        if (step === 'admits') {
          const turn = slots.next(PLACES, nowMs)
          leave(turn?.givesWay?.entrant)
          if (turn === undefined) continue
          slots.begin(turn.begins, nowMs)
          turn.begins.sinceMs = nowMs
        } else if ('waits' in step) {
          const one: Entrant = { key: step.waits === 'alone' ? undefined : step.waits }
          everybody.push(one)
          slots.wait(one, one.key)
        } else if ('leaves' in step) leave(everybody[step.leaves % everybody.length])
        else nowMs += step.passesMs
        expect(faultsOf(slots, everybody, nowMs)).toEqual([])
      }
      for (const one of everybody) slots.leave(one)
      expect([slots.held, slots.isAnyoneWaiting]).toEqual([0, false])
    }),
  )
})

test('parties that hold as many begin in turn', () => {
  const slots = new HandshakeSlots<string>()
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) slots.wait(name, name[0])
  const begun: string[] = []
  for (let turn = slots.next(10, 0); turn !== undefined; turn = slots.next(10, 0)) {
    slots.begin(turn.begins, 0)
    begun.push(turn.begins)
  }
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
})
