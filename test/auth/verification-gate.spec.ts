import { setImmediate } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { expect, test } from 'vitest'
import { VerificationGate } from '../../src/auth/verification-gate.js'

interface Check {
  readonly name: number
  finish(): void
  fail(error: Error): void
}

/** A gate, checks that last until the test ends them, and the names of those that started. */
function gateWithChecks(maxInFlight: () => number) {
  const gate = new VerificationGate(maxInFlight)
  const started: Check[] = []
  const enter = (name: number): Promise<number> =>
    gate.run(() => new Promise((resolve, reject) => started.push({ name, finish: () => resolve(name), fail: reject })))
  return { gate, started, enter, names: () => started.map((check) => check.name) }
}

test('the 17th check waits until one of 16 ends', async () => {
  const { gate, started, enter, names } = gateWithChecks(() => 16)
  const results = Array.from({ length: 17 }, (_, index) => enter(index))
  await setImmediate()
  expect([started.length, gate.waiting]).toEqual([16, 1])
  started[3]?.finish()
  await results[3]
  await setImmediate()
  expect([names().at(-1), gate.waiting]).toEqual([16, 0])
})

test('waiters start in the order in which they came', async () => {
  const { started, enter, names } = gateWithChecks(() => 1)
  const results = [enter(0), enter(1), enter(2)]
  for (const [index, result] of results.entries()) {
    await setImmediate()
    expect(names()).toHaveLength(index + 1)
    started[index]?.finish()
    await result
  }
  expect(names()).toEqual([0, 1, 2])
})

test('a failed check lets the next one in', async () => {
  const { started, enter, names } = gateWithChecks(() => 1)
  const failing = enter(0)
  const next = enter(1)
  await setImmediate()
  started[0]?.fail(new Error('bad token'))
  await expect(failing).rejects.toThrow('bad token')
  await setImmediate()
  started[1]?.finish()
  expect([await next, names()]).toEqual([1, [0, 1]])
})

test('a check that throws at once lets the next one in', async () => {
  const gate = new VerificationGate(() => 1)
  await expect(
    gate.run(() => {
      throw new Error('not even a promise')
    }),
  ).rejects.toThrow('not even a promise')
  expect(await gate.run(() => Promise.resolve('in'))).toBe('in')
})

test('a raised limit lets all waiters in that it has room for', async () => {
  let maxInFlight = 1
  const { gate, started, enter } = gateWithChecks(() => maxInFlight)
  const first = enter(0)
  for (const name of [1, 2, 3, 4]) void enter(name)
  maxInFlight = 3
  await setImmediate()
  started[0]?.finish()
  await first
  await setImmediate()
  expect([started.length, gate.waiting]).toEqual([4, 1])
})

test('a lowered limit lets nobody in until enough have ended', async () => {
  let maxInFlight = 2
  const { started, enter, names } = gateWithChecks(() => maxInFlight)
  const results = [enter(0), enter(1), enter(2)]
  await setImmediate()
  maxInFlight = 1
  started[0]?.finish()
  await results[0]
  await setImmediate()
  expect(names()).toEqual([0, 1])
  started[1]?.finish()
  await results[1]
  await setImmediate()
  expect(names()).toEqual([0, 1, 2])
})

test('nothing is kept of those who were let in, though somebody always waits', async () => {
  const CHECKS_OF_EACH = 7_000
  const CHECKS_BEFORE_THE_END = 20_000
  const promises = (): number => queryObjects(Promise, { format: 'count' })
  const gate = new VerificationGate(() => 1)
  let checks = 0
  let promisesAtTheEnd = 0
  const check = (): Promise<void> => {
    checks += 1
    if (checks === CHECKS_BEFORE_THE_END) promisesAtTheEnd = promises()
    return Promise.resolve()
  }
  const checkOften = async (): Promise<void> => {
    for (let count = 0; count < CHECKS_OF_EACH; count += 1) await gate.run(check)
  }
  const promisesBefore = promises()
  await Promise.all([checkOften(), checkOften(), checkOften()])
  expect(promisesAtTheEnd).toBeGreaterThan(0)
  expect(promisesAtTheEnd - promisesBefore).toBeLessThan(CHECKS_OF_EACH / 100)
})
