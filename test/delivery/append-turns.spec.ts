import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppendTurns } from '../../src/delivery/append-turns.js'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { SoleWriter } from '../../src/log/sole-writer.js'
import type { UserId } from '../../src/protocol/ids.js'
import { openLog } from '../log/open-logs.js'
import { ManualEndOfTick } from './manual-end-of-tick.js'
import { userId } from './names.js'
import { lobby, text } from './router-stack.js'

const [alice, bob, mallory] = [userId('alice'), userId('bob'), userId('mallory')]

/** With 1,024 under way. */
function full(): AppendTurns {
  const turns = new AppendTurns()
  for (let count = 0; count < 1_024; count += 1) void turns.enter(mallory)
  expect(turns.waiting).toBe(0)
  return turns
}

/** Who enters, in the order in which they do. */
function watched(turns: AppendTurns): {
  readonly entered: string[]
  readonly enter: (sender: UserId, what: string) => void
} {
  const entered: string[] = []
  return { entered, enter: (sender, what) => void turns.enter(sender).then(() => entered.push(what)) }
}

async function letIn(turns: AppendTurns, count: number): Promise<void> {
  for (let left = 0; left < count; left += 1) turns.leave()
  await Promise.resolve()
}

test('1,024 enter at once, and the next when one has left', async () => {
  const turns = full()
  const { entered, enter } = watched(turns)
  enter(alice, 'the next')
  await Promise.resolve()
  expect(entered).toEqual([])
  expect(turns.waiting).toBe(1)
  await letIn(turns, 1)
  expect(entered).toEqual(['the next'])
  expect(turns.waiting).toBe(0)
})

test('one who waits with one is not behind all of one who waits with many', async () => {
  const turns = full()
  const { entered, enter } = watched(turns)
  for (let count = 1; count <= 5; count += 1) enter(mallory, `mallory ${count}`)
  enter(alice, 'alice 1')
  enter(bob, 'bob 1')
  await letIn(turns, 7)
  expect(entered).toEqual(['mallory 1', 'alice 1', 'bob 1', 'mallory 2', 'mallory 3', 'mallory 4', 'mallory 5'])
})

test('whoever comes when one has left does not come before those who wait', async () => {
  const turns = full()
  const { entered, enter } = watched(turns)
  enter(alice, 'first')
  turns.leave()
  enter(bob, 'second')
  await Promise.resolve()
  expect(entered).toEqual(['first'])
})

test('whoever comes when two have left does not come before one who is let in at that moment', async () => {
  const turns = full()
  const entered: string[] = []
  const enter = async (what: string): Promise<void> => {
    await turns.enter(alice)
    entered.push(what)
  }
  const all = [enter('first')]
  turns.leave()
  turns.leave()
  all.push(enter('second'))
  await Promise.all(all)
  expect(entered).toEqual(['first', 'second'])
})

test('each enters once, those of one sender in their order, and never more than 1,024 are in', async () => {
  const senders = fc.constantFrom(alice, bob, mallory)
  const steps = fc.array(fc.oneof(senders, fc.constant('leave' as const)), { maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      const turns = full()
      const { entered, enter } = watched(turns)
      const asked = new Map<UserId, number>()
      let [inside, waiting] = [1_024, 0]
      for (const step of taken) {
        if (step === 'leave') {
          if (waiting === 0) inside -= 1
          else waiting -= 1
          turns.leave()
        } else {
          const number = (asked.get(step) ?? 0) + 1
          enter(step, `${step} ${number}`)
          asked.set(step, number)
          if (inside < 1_024) inside += 1
          else waiting += 1
        }
        expect(turns.waiting).toBe(waiting)
      }
      await letIn(turns, waiting)
      expect(turns.waiting).toBe(0)
      for (const [sender, count] of asked) {
        const own = entered.filter((name) => name.startsWith(`${sender} `))
        expect(own).toEqual(Array.from({ length: count }, (_, index) => `${sender} ${index + 1}`))
      }
    }),
  )
})

test('a message of one sender is on disk before thousands of another that came earlier', async () => {
  const { log, settings, clock } = await openLog()
  const tick = new ManualEndOfTick()
  const journal = new SoleWriter(log, clock)
  const [nowMs, marked, flushBehind] = [() => 0, () => 0, () => undefined]
  const ticks = { nextTick: tick.schedule, after: tick.after }
  const router = new BackpressureRouter({ log, journal, settings, clock, nowMs, marked, flushBehind, ...ticks })
  const placed: UserId[] = []
  const say = async (sender: UserId): Promise<void> => {
    await router.append(lobby, { ...text('hello'), sender }, 'low')
    placed.push(sender)
  }
  const said = Array.from({ length: 5_000 }, () => say(mallory))
  said.push(say(alice))
  // All of them are at the log, and nothing of it is written yet.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  expect(router.awaitingLog).toBe(5_001 - 1_024)
  await Promise.all(said)
  expect(placed.indexOf(alice)).toBe(1_025)
  expect(router.awaitingLog).toBe(0)
  expect(router.heldBytes).toBe(0)
})
