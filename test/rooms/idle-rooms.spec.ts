import { describe, expect, test } from 'vitest'
import { IdleRooms } from '../../src/rooms/idle-rooms.js'
import { Room } from '../../src/rooms/room.js'
import { roomId, userId } from '../delivery/names.js'
import { ManualClock } from '../support/manual-clock.js'

function start() {
  const clock = new ManualClock()
  const leftAlone: string[] = []
  const idle = new IdleRooms(clock, ({ id }) => leftAlone.push(id))
  return { clock, leftAlone, idle }
}

const emptyRoom = (): Room => new Room(roomId('lobby'), { founder: userId('alice'), createdAtMs: 0, incarnation: 1 })

async function outcomeOf(wait: Promise<void>): Promise<string> {
  return Promise.race([
    wait.then(
      () => 'open',
      () => 'refused',
    ),
    new Promise<string>((resolve) => setImmediate(resolve, 'waiting')),
  ])
}

describe('rooms that are empty or closing', () => {
  test('are left alone for ten seconds', () => {
    const { clock, leftAlone, idle } = start()
    idle.look(emptyRoom())
    clock.advance(9_999)
    expect(leftAlone).toEqual([])
    clock.advance(1)
    expect(leftAlone).toEqual(['lobby'])
    clock.advance(10_000)
    expect(leftAlone).toEqual(['lobby', 'lobby'])
  })

  test('are no more when somebody has entered', () => {
    const { clock, leftAlone, idle } = start()
    const room = emptyRoom()
    idle.look(room)
    room.admit({ user: userId('bob'), username: 'bob' }, 0, 10)
    idle.look(room)
    clock.advance(60_000)
    expect(leftAlone).toEqual([])
    expect(clock.timers).toBe(0)
  })

  test('are waited for until they are open', async () => {
    const { clock, idle } = start()
    const room = emptyRoom()
    room.isClosing = true
    const wait = idle.whenOpen(room)
    clock.advance(4_000)
    expect(await outcomeOf(wait)).toBe('waiting')
    idle.forget(room)
    expect(await outcomeOf(wait)).toBe('open')
  })

  test('are waited for five seconds', async () => {
    const { clock, idle } = start()
    const room = emptyRoom()
    room.isClosing = true
    const wait = idle.whenOpen(room)
    clock.advance(4_999)
    expect(await outcomeOf(wait)).toBe('waiting')
    clock.advance(1)
    expect(await outcomeOf(wait)).toBe('refused')
    await expect(wait).rejects.toMatchObject({ failure: { code: 'LOG_UNAVAILABLE', retryAfterMs: 250 } })
  })
})
