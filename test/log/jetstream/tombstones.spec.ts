import { describe, expect, test } from 'vitest'
import { Tombstones } from '../../../src/log/jetstream/tombstones.js'
import type { StateKey } from '../../../src/log/state-store.js'
import { ManualClock } from '../../support/manual-clock.js'

interface Burial {
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}

/** What is buried stays under way until it is settled. */
function graveyard() {
  const clock = new ManualClock()
  const begun: string[] = []
  const forgotten: string[] = []
  const open: Burial[] = []
  const tombstones = new Tombstones({
    clock,
    bury: (key, revision) => {
      begun.push(`${key.join(' ')} ${revision}`)
      return new Promise((resolve, reject) => open.push({ resolve, reject }))
    },
    forget: (key, revision) => forgotten.push(`${key.join(' ')} ${revision}`),
  })
  return { clock, begun, forgotten, open, tombstones }
}

const room = (name: string | number): StateKey => ['room', String(name)]

describe('marks of removed entries', () => {
  test('are buried after 10 min by whoever wrote them', () => {
    const { tombstones, clock, begun } = graveyard()
    tombstones.add(room('a'), 1, true)
    tombstones.add(room('b'), 2, false)
    clock.advance(599_999)
    expect(begun).toEqual([])
    clock.advance(1)
    expect(begun).toEqual(['room a 1'])
  })

  test('are forgotten after 11 min by the others', () => {
    const { tombstones, clock, forgotten } = graveyard()
    tombstones.add(room('a'), 1, true)
    tombstones.add(room('b'), 2, false)
    clock.advance(659_999)
    expect(forgotten).toEqual([])
    clock.advance(1)
    expect(forgotten).toEqual(['room b 2'])
  })

  test('count once a key, from the last on, whoever wrote it', () => {
    const { tombstones, clock, begun, forgotten } = graveyard()
    tombstones.add(room('a'), 1, true)
    tombstones.add(room('b'), 2, false)
    tombstones.add(room('c'), 3, true)
    clock.advance(300_000)
    tombstones.add(room('a'), 4, true)
    tombstones.add(room('b'), 5, true)
    tombstones.add(room('c'), 6, false)
    clock.advance(599_999)
    expect(begun).toEqual([])
    clock.advance(1)
    expect(begun).toEqual(['room a 4', 'room b 5'])
    clock.advance(60_000)
    expect(forgotten).toEqual(['room c 6'])
  })

  test('are left alone when there is an entry again', () => {
    const { tombstones, clock, begun, forgotten } = graveyard()
    tombstones.add(room('a'), 1, true)
    tombstones.add(room('b'), 2, false)
    tombstones.drop(room('a'))
    tombstones.drop(room('b'))
    clock.advance(3_600_000)
    expect([begun, forgotten]).toEqual([[], []])
  })

  test('are buried 32 at once, and the next when one is', async () => {
    const { tombstones, clock, begun, open } = graveyard()
    for (let index = 0; index < 34; index += 1) tombstones.add(room(index), index, true)
    clock.advance(600_000)
    expect(begun).toHaveLength(32)
    open[7]?.resolve()
    await expect.poll(() => begun).toHaveLength(33)
    open[9]?.resolve()
    await expect.poll(() => begun).toHaveLength(34)
  })

  test('that could not be buried are tried again, and no other is meanwhile', async () => {
    const { tombstones, clock, begun, open } = graveyard()
    for (let index = 0; index < 34; index += 1) tombstones.add(room(index), index, true)
    clock.advance(600_000)
    open[0]?.reject(new Error('NATS is away'))
    for (const burial of open.slice(1)) burial.resolve()
    await expect.poll(() => (clock.advance(10_000), begun.slice(32))).toEqual(['room 0 0', 'room 32 32', 'room 33 33'])
  })
})
