import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KEPT_LONGER_MS, RecentIds, SPARE_MS, type IdKey, type Place } from '../../src/log/recent-ids.js'
import { trustedSeq } from '../../src/protocol/ids.js'
import { userId } from '../delivery/names.js'

const WINDOW_MS = 1_000
const KEPT_MS = WINDOW_MS + KEPT_LONGER_MS

/** With a clock for hands, and both steps of an addition in one. */
class IdsUnderTest {
  nowMs = 0
  readonly ids: RecentIds

  constructor(public maxIds: number) {
    this.ids = new RecentIds({ windowMs: () => WINDOW_MS, maxIds: () => this.maxIds, nowMs: () => this.nowMs })
  }

  find(key: IdKey, nowMs: number): Place | undefined {
    this.nowMs = nowMs
    return this.ids.find(key)
  }

  add(key: IdKey, place: Place, nowMs: number): void {
    if (this.find(key, nowMs) !== undefined) throw new Error('it is there')
    this.ids.addSought(place)
  }

  isSurelyNew(ageMs: number, nowMs: number): boolean {
    this.nowMs = nowMs
    return this.ids.isSurelyNew(ageMs)
  }

  get facts(): readonly number[] {
    return [this.ids.size, this.ids.first, this.ids.horizonMs]
  }
}
const idsWith = (maxIds: number) => new IdsUnderTest(maxIds)
const alice = userId('alice')
const key = (number: number, over: Partial<IdKey> = {}): IdKey => {
  const messageId = Buffer.alloc(16)
  messageId.writeUInt32LE(number, (number % 4) * 4)
  return { room: 2 ** 47, sender: alice, messageId, ...over }
}
const place = (seq: number): Place => ({ seq: trustedSeq(seq), timeMs: 1_700_000_000_000 + seq })

test('finds what was added, by all of its key', () => {
  const ids = idsWith(10)
  ids.add(key(1), place(7), 0)
  expect(ids.find(key(1), 0)).toEqual(place(7))
  expect(ids.find(key(2), 0)).toBeUndefined()
  expect(ids.find(key(1, { room: 2 ** 47 + 1 }), 0)).toBeUndefined()
  expect(ids.find(key(1, { sender: userId('bob') }), 0)).toBeUndefined()
  for (let byte = 0; byte < 16; byte += 1) {
    const messageId = Buffer.from(key(1).messageId)
    messageId[byte] = (messageId[byte] ?? 0) ^ 0x80
    expect(ids.find(key(1, { messageId }), 0)).toBeUndefined()
  }
})

test('keeps as many as the limit', () => {
  const ids = idsWith(3)
  for (const number of [1, 2, 3]) ids.add(key(number), place(number), number)
  expect(ids.find(key(1), 3)).toEqual(place(1))
  expect(ids.facts).toEqual([3, 0, -Infinity])
  ids.add(key(4), place(4), 4)
  expect(ids.find(key(1), 4)).toBeUndefined()
  expect(ids.find(key(2), 4)).toEqual(place(2))
  expect(ids.facts).toEqual([3, 1, 1])
})

test('keeps an id for the window and a minute', () => {
  const ids = idsWith(10)
  ids.add(key(1), place(1), 5)
  expect(ids.find(key(1), 5 + KEPT_MS)).toEqual(place(1))
  expect(ids.find(key(1), 6 + KEPT_MS)).toBeUndefined()
})

test('adds an id again that has become too old', () => {
  const ids = idsWith(10)
  ids.add(key(1), place(1), 0)
  ids.add(key(1), place(2), KEPT_MS + 1)
  expect(ids.find(key(1), KEPT_MS + 1)).toEqual(place(2))
  expect(ids.facts).toEqual([1, 1, 0])
})

test('lets go of a few old ones at a time', () => {
  const ids = idsWith(100)
  for (let number = 0; number < 50; number += 1) ids.add(key(number), place(number), 0)
  ids.add(key(50), place(50), KEPT_MS + 1)
  expect(ids.facts).toEqual([47, 4, 0])
  expect(ids.find(key(49), KEPT_MS + 1)).toBeUndefined()
})

describe('certainty', () => {
  test('ends with the window', () => {
    const ids = idsWith(10)
    expect(ids.isSurelyNew(WINDOW_MS, 0)).toBe(true)
    expect(ids.isSurelyNew(WINDOW_MS + 1, 0)).toBe(false)
  })

  test('begins five seconds after what was forgotten', () => {
    const ids = idsWith(1)
    ids.add(key(1), place(1), 100)
    ids.add(key(2), place(2), 200)
    expect(ids.isSurelyNew(0, 100 + SPARE_MS)).toBe(true)
    expect(ids.isSurelyNew(0, 99 + SPARE_MS)).toBe(false)
    expect(ids.isSurelyNew(500, 600 + SPARE_MS)).toBe(true)
    expect(ids.isSurelyNew(501, 600 + SPARE_MS)).toBe(false)
  })
})

test('a limit that is raised keeps what it knew, one that is lowered the newest', () => {
  const ids = idsWith(15)
  for (let number = 0; number < 15; number += 1) ids.add(key(number), place(number), 0)
  ids.maxIds = 16
  ids.add(key(15), place(15), 0)
  expect(ids.find(key(0), 0)).toEqual(place(0))
  ids.add(key(16), place(16), 0)
  expect(ids.find(key(0), 0)).toBeUndefined()
  ids.maxIds = 2
  ids.add(key(17), place(17), 0)
  expect(ids.find(key(15), 0)).toBeUndefined()
  expect(ids.find(key(16), 0)).toEqual(place(16))
})

test('begins anew with a number and a horizon', () => {
  const ids = idsWith(20)
  for (let number = 0; number < 9; number += 1) ids.add(key(number), place(number), 0)
  ids.ids.reset({ number: 1_000_003, horizonMs: 50 })
  expect(ids.find(key(1), 60)).toBeUndefined()
  for (let number = 0; number < 40; number += 1) ids.add(key(number), place(number), 60)
  expect(ids.find(key(39), 60)).toEqual(place(39))
  expect(ids.facts).toEqual([20, 1_000_023, 60])
})

/** What it does, said simply. */
class Twin {
  entries: { readonly text: string; readonly place: Place; readonly addedMs: number }[] = []
  horizonMs = -Infinity
  dropped = 0

  constructor(public maxIds: number) {}

  find(key: IdKey, nowMs: number): Place | undefined {
    return this.entries.findLast(({ text, addedMs }) => text === textOf(key) && addedMs >= nowMs - KEPT_MS)?.place
  }

  add(key: IdKey, place: Place, nowMs: number): void {
    for (let count = 0; count < 4 && (this.entries[0]?.addedMs ?? Infinity) < nowMs - KEPT_MS; count += 1) this.drop()
    while (this.entries.length >= this.maxIds) this.drop()
    this.entries.push({ text: textOf(key), place, addedMs: nowMs })
  }

  private drop(): void {
    this.dropped += 1
    this.horizonMs = this.entries.shift()?.addedMs ?? this.horizonMs
  }
}
const textOf = ({ room, sender, messageId }: IdKey): string => `${room} ${sender} ${messageId.toString('hex')}`

const calls = fc.array(
  fc.record({
    number: fc.integer({ min: 0, max: 60 }),
    room: fc.constantFrom(1, 2 ** 48 - 1, 2 ** 32 + 1),
    sender: fc.constantFrom(alice, userId('bob')),
    passMs: fc.constantFrom(0, 0, 0, 1, 500, KEPT_MS / 2),
    newMaxIds: fc.option(fc.constantFrom(1, 14, 15, 16, 31, 32, 70), { freq: 20, nil: undefined }),
  }),
  { maxLength: 300 },
)

test('does what its naive twin does', () => {
  fc.assert(
    fc.property(calls, fc.constantFrom(1, 2, 15, 16, 17, 40), (steps, maxIds) => {
      const [ids, twin] = [idsWith(maxIds), new Twin(maxIds)]
      let nowMs = 0
      for (const [index, { number, room, sender, passMs, newMaxIds }] of steps.entries()) {
        nowMs += passMs
        if (newMaxIds !== undefined) ids.maxIds = twin.maxIds = newMaxIds
        const sought = key(number, { room, sender })
        const found = ids.find(sought, nowMs)
        expect(found).toEqual(twin.find(sought, nowMs))
        if (found === undefined) {
          ids.add(sought, place(index), nowMs)
          twin.add(sought, place(index), nowMs)
        }
        expect(ids.facts).toEqual([twin.entries.length, twin.dropped, twin.horizonMs])
      }
    }),
    { numRuns: 200 },
  )
})
