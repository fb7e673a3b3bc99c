import { describe, expect, test } from 'vitest'
import type { Lane } from '../../src/delivery/admission.js'
import { MIN_SHARE, RoomScheduler, type Schedulable } from '../../src/delivery/room-scheduler.js'

/** A room with so many offers to make; writes its name down for each. */
class WorkingRoom implements Schedulable {
  lane: Lane | undefined
  notBeforeMs = 0
  constructor(
    readonly name: string,
    public wantedLane: Lane,
    private left: number,
    private readonly served: string[],
  ) {}
  turn(maxOffers: number): { offers: number; isDone: boolean } {
    const offers = Math.min(maxOffers, this.left)
    this.left -= offers
    for (let n = 0; n < offers; n += 1) this.served.push(this.name)
    return { offers, isDone: this.left === 0 }
  }
}

function setUp() {
  const served: string[] = []
  const scheduler = new RoomScheduler()
  const add = (name: string, lane: Lane, offers = 1): WorkingRoom => {
    const room = new WorkingRoom(name, lane, offers, served)
    scheduler.enqueue(room)
    return room
  }
  return { scheduler, served, add }
}
const share = (served: readonly string[], name: string): number =>
  served.filter((each) => each === name).length / served.length

describe('lanes', () => {
  test('are served high, normal, low', () => {
    const { scheduler, served, add } = setUp()
    add('low', 'low')
    add('normal', 'normal')
    add('high', 'high')
    scheduler.runSlice(0, 10)
    expect(served).toEqual(['high', 'normal', 'low'])
    expect(scheduler.size).toBe(0)
  })

  test('keep the order in which rooms came', () => {
    const { scheduler, served, add } = setUp()
    for (const name of ['a', 'b', 'c']) add(name, 'normal')
    scheduler.runSlice(0, 10)
    expect(served).toEqual(['a', 'b', 'c'])
  })

  test('starve nobody: each gets its minimum share while all have work', () => {
    const { scheduler, served, add } = setUp()
    for (const lane of ['high', 'normal', 'low'] as const) add(lane, lane, 100_000)
    for (let slice = 0; slice < 1_000; slice += 1) scheduler.runSlice(0, 20)
    expect(share(served, 'low')).toBeGreaterThanOrEqual(MIN_SHARE.low * 0.95)
    expect(share(served, 'normal')).toBeGreaterThanOrEqual(MIN_SHARE.normal * 0.95)
    expect(share(served, 'high')).toBeGreaterThan(0.7)
  })
})

describe('a lane that was idle', () => {
  test.each(['normal', 'low'] as const)('has saved up nothing: %s', (lane) => {
    const { scheduler, served, add } = setUp()
    add('high', 'high', 100_000)
    for (let slice = 0; slice < 500; slice += 1) scheduler.runSlice(0, 20)
    served.length = 0
    add(lane, lane, 1_000)
    for (let slice = 0; slice < 10; slice += 1) scheduler.runSlice(0, 20)
    expect(share(served, lane)).toBeLessThanOrEqual(MIN_SHARE[lane] + 0.05)
  })

  test('gets its share from then on', () => {
    const { scheduler, served, add } = setUp()
    add('high', 'high', 100_000)
    for (let slice = 0; slice < 500; slice += 1) scheduler.runSlice(0, 20)
    served.length = 0
    add('normal', 'normal', 100_000)
    for (let slice = 0; slice < 500; slice += 1) scheduler.runSlice(0, 20)
    expect(share(served, 'normal')).toBeGreaterThanOrEqual(MIN_SHARE.normal * 0.95)
  })
})

describe('turns', () => {
  test('take a quarter of the slice, after which the room goes to the end of its lane', () => {
    const { scheduler, served, add } = setUp()
    add('big', 'normal', 20)
    add('small', 'normal', 1)
    expect(scheduler.runSlice(0, 8)).toBe(8)
    expect(served).toEqual(['big', 'big', 'small', 'big', 'big', 'big', 'big', 'big'])
  })

  test('wait for the time of the room, and let others pass', () => {
    const { scheduler, served, add } = setUp()
    add('waiting', 'normal').notBeforeMs = 5
    add('ready', 'normal')
    expect(scheduler.runSlice(4, 10)).toBe(1)
    expect(served).toEqual(['ready'])
    scheduler.runSlice(5, 10)
    expect(served).toEqual(['ready', 'waiting'])
  })

  test('do nothing when nobody may start', () => {
    const { scheduler, add } = setUp()
    add('waiting', 'high').notBeforeMs = 5
    expect(scheduler.runSlice(0, 10)).toBe(0)
    expect(scheduler.size).toBe(1)
  })

  test('are due when the first of all lanes is', () => {
    const { scheduler, add } = setUp()
    expect(scheduler.nextStartMs).toBe(Infinity)
    add('later', 'high').notBeforeMs = 5
    add('first', 'low').notBeforeMs = 3
    expect(scheduler.nextStartMs).toBe(3)
  })
})

describe('moving', () => {
  test('takes a room whole to another lane', () => {
    const { scheduler, served, add } = setUp()
    const moved = add('moved', 'low')
    add('normal', 'normal')
    moved.wantedLane = 'high'
    scheduler.enqueue(moved)
    expect(scheduler.size).toBe(2)
    scheduler.runSlice(0, 10)
    expect(served).toEqual(['moved', 'normal'])
  })

  test('puts a room behind those of the lane where it belongs after its turn', () => {
    const { scheduler, served, add } = setUp()
    const falling = add('falling', 'high', 4)
    add('normal', 'normal', 2)
    falling.wantedLane = 'normal'
    scheduler.runSlice(0, 8)
    expect(served).toEqual(['falling', 'falling', 'normal', 'normal', 'falling', 'falling'])
  })

  test('removes a room that is gone', () => {
    const { scheduler, served, add } = setUp()
    scheduler.remove(add('gone', 'normal'))
    scheduler.runSlice(0, 10)
    expect(served).toEqual([])
    expect(scheduler.size).toBe(0)
  })
})
