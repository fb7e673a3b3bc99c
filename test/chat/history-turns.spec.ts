import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { HistoryTurns } from '../../src/chat/history-turns.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { reasonOf } from '../../src/log/log-fault.js'
import { ManualClock } from '../support/manual-clock.js'

const settings = new Settings(loadSettings({ NESTWIRE_LOG_ENGINE: 'memory' }))
const HALF = settings.current.transport.maxOutboxBytes / 2

type Asker = Parameters<HistoryTurns['take']>[0]

class Reader {
  queuedBytes = 0
  isClosed = false
  isAbandoned = false
  getConnection(): this {
    return this
  }
}

/** Calls of one connection. */
function startCalls(count: number) {
  const reader = new Reader()
  return Array.from({ length: count }, () => ({ isAbandoned: false, getConnection: () => reader }))
}

/** Reads that end when they are told to. */
function startTurns() {
  const clock = new ManualClock()
  const turns = new HistoryTurns(settings, clock)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const ask = (reader: Asker, name: string): Promise<string> =>
    turns.take(reader, () => {
      begun.push(name)
      return new Promise((resolve) => ends.set(name, () => resolve(name)))
    })
  const end = (name: string): void => ends.get(name)?.()
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await nextTurn()
  }
  return { clock, begun, ask, end, settle }
}

test('a connection is read one page at a time, in the order that it asked', async () => {
  const { begun, ask, end, settle } = startTurns()
  const reader = new Reader()
  const first = ask(reader, 'first')
  const second = ask(reader, 'second')
  await settle()
  expect(begun).toEqual(['first'])
  end('first')
  expect(await first).toBe('first')
  await settle()
  expect(begun).toEqual(['first', 'second'])
  end('second')
  expect(await second).toBe('second')
})

test('connections take turns, however much one of them asked for', async () => {
  const { begun, ask, end, settle } = startTurns()
  const [greedy, modest] = [new Reader(), new Reader()]
  for (const name of ['greedy-1', 'greedy-2', 'greedy-3']) void ask(greedy, name)
  void ask(modest, 'modest')
  await settle()
  expect(begun).toEqual(['greedy-1', 'modest'])
  end('greedy-1')
  await settle()
  expect(begun).toEqual(['greedy-1', 'modest', 'greedy-2'])
})

test('four are read for at a time, and the fifth when one of them is done', async () => {
  const { begun, ask, end, settle } = startTurns()
  for (const name of ['1', '2', '3', '4', '5']) void ask(new Reader(), name)
  await settle()
  expect(begun).toEqual(['1', '2', '3', '4'])
  end('3')
  await settle()
  expect(begun).toEqual(['1', '2', '3', '4', '5'])
})

test('whoever has more than half an outbox unread waits until it is less', async () => {
  const { clock, begun, ask, end, settle } = startTurns()
  const reader = new Reader()
  reader.queuedBytes = HALF
  void ask(reader, 'within')
  await settle()
  expect(begun).toEqual(['within'])
  reader.queuedBytes = HALF + 1
  void ask(reader, 'beyond')
  end('within')
  await settle()
  clock.advance(1_000)
  await settle()
  expect(begun).toEqual(['within'])
  reader.queuedBytes = HALF
  clock.advance(20)
  await settle()
  expect(begun).toEqual(['within', 'beyond'])
  expect(clock.timers).toBe(0)
})

test('for a connection that has ended nothing is read, and nothing is held', async () => {
  const { clock, begun, ask, settle } = startTurns()
  const [gone, choked] = [new Reader(), new Reader()]
  gone.isClosed = true
  choked.queuedBytes = HALF + 1
  const dropped = [ask(gone, 'gone'), ask(choked, 'choked')].map((answer) => answer.catch(reasonOf))
  await settle()
  expect(clock.timers).toBe(1)
  choked.isClosed = true
  clock.advance(20)
  await settle()
  expect(begun).toEqual([])
  expect(clock.timers).toBe(0)
  for (const reason of await Promise.all(dropped)) expect(reason).toContain('nobody waits')
})

test('whoever has cancelled is not read for', async () => {
  const { begun, ask, end, settle } = startTurns()
  const calls = startCalls(3)
  const [, cancelled] = calls.map((call, index) => ask(call, String(index)).catch(reasonOf))
  await settle()
  for (const call of calls.slice(1, 2)) call.isAbandoned = true
  end('0')
  await settle()
  expect(begun).toEqual(['0', '2'])
  expect(await cancelled).toContain('nobody waits')
})

test('as many turns are held of a connection as it may have requests in flight, and cancelled ones give way', async () => {
  const { begun, ask, end, settle } = startTurns()
  const { maxInFlightRequests } = settings.current.transport
  const calls = startCalls(maxInFlightRequests + 2)
  const dropped: number[] = []
  const askAs = (call: Asker, index: number): void => void ask(call, String(index)).catch(() => dropped.push(index))
  const last = calls.pop()
  for (const [index, call] of calls.entries()) askAs(call, index)
  await settle()
  for (const call of calls.filter((_, index) => index > 0 && index % 2 === 0)) call.isAbandoned = true
  await settle()
  expect(dropped).toEqual([])
  if (last !== undefined) askAs(last, maxInFlightRequests + 1)
  await settle()
  expect(dropped).toHaveLength(maxInFlightRequests / 2)
  expect(begun).toEqual(['0'])
  end('0')
  await settle()
  expect(begun).toEqual(['0', '1'])
})

test('a read that fails is answered with its failure, and the next one begins', async () => {
  const { begun, ask, settle } = startTurns()
  const reader = new Reader()
  const turns = new HistoryTurns(settings, new ManualClock())
  await expect(turns.take(reader, () => Promise.reject(new Error('no log')))).rejects.toThrow('no log')
  expect(await turns.take(reader, () => Promise.resolve('there'))).toBe('there')
  void ask(reader, 'elsewhere')
  await settle()
  expect(begun).toEqual(['elsewhere'])
})
