/** Rooms on disk against a model of a few lines: whatever is changed, in whatever order, and however often restarted. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RoomId, UserId } from '../../src/protocol/ids.js'
import { roomId, userId } from '../delivery/names.js'
import { openLog, type OpenLog } from '../log/open-logs.js'
import { startRoomsOn } from './room-stack.js'

const rooms = [roomId('lobby'), roomId('кухня')]
const users = ['alice', 'bob', 'carol', 'dave'].map(userId)

interface ModelRoom {
  /** In order of joining; the first is the owner unless somebody before has left and come back. */
  readonly members: UserId[]
  readonly bans: Set<UserId>
  owner: UserId
}

class Model {
  readonly rooms = new Map<RoomId, ModelRoom>()

  join(id: RoomId, user: UserId): void {
    const room = this.rooms.get(id) ?? { members: [], bans: new Set(), owner: user }
    if (room.bans.has(user)) return
    this.rooms.set(id, room)
    if (!room.members.includes(user)) room.members.push(user)
  }

  leave(id: RoomId, user: UserId): void {
    const room = this.rooms.get(id)
    if (room === undefined || !room.members.includes(user)) return
    room.members.splice(room.members.indexOf(user), 1)
    room.owner = room.owner === user ? (room.members[0] ?? user) : room.owner
    if (room.members.length === 0) this.rooms.delete(id)
  }

  ban(id: RoomId, user: UserId): void {
    this.rooms.get(id)?.bans.add(user)
    this.leave(id, user)
  }

  unban(id: RoomId, user: UserId): void {
    this.rooms.get(id)?.bans.delete(user)
  }
}

const change = fc.record({
  kind: fc.constantFrom('join', 'join', 'join', 'leave', 'kick', 'ban', 'unban'),
  room: fc.constantFrom(...rooms),
  user: fc.constantFrom(...users),
})
/** Changes made at once, and then perhaps a restart. */
const steps = fc.array(fc.record({ changes: fc.array(change, { maxLength: 6 }), restarts: fc.boolean() }), {
  maxLength: 12,
})

async function startOn({ log, settings, clock }: OpenLog) {
  const stack = startRoomsOn({ log, state: log.state, settings, clock })
  await stack.load()
  const bot = stack.connect('bot', { role: 'service' }).principal
  const devices = new Map(users.map((user) => [user, stack.connect(user)]))
  const run = async ({ kind, room, user }: { kind: string; room: RoomId; user: UserId }): Promise<unknown> => {
    const device = devices.get(user) ?? stack.connect(user)
    switch (kind) {
      case 'join':
        return stack.join(device, room)
      case 'leave':
        return stack.rooms.leave(device.principal, room)
      case 'kick':
        return stack.rooms.kick(bot, room, user)
      case 'ban':
        return stack.rooms.ban(bot, room, user)
      default:
        return stack.rooms.unban(bot, room, user)
    }
  }
  return { ...stack, run }
}

test('rooms are what the model says, across restarts', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const model = new Model()
      let open = await openLog()
      let stack = await startOn(open)
      for (const { changes, restarts } of script) {
        await Promise.allSettled(changes.map((one) => stack.run(one)))
        for (const { kind, room, user } of changes) {
          if (kind === 'join' || kind === 'ban' || kind === 'unban') model[kind](room, user)
          else model.leave(room, user)
        }
        expectSame(stack, model)
        if (!restarts) continue
        open = await open.reopen()
        stack = await startOn(open)
        expectSame(stack, model)
      }
      await open.log.close()
    }),
    { numRuns: 25 },
  )
})

function expectSame({ registry }: Awaited<ReturnType<typeof startOn>>, model: Model): void {
  expect(registry.count).toBe(model.rooms.size)
  for (const id of rooms) {
    const room = registry.get(id)
    const expected = model.rooms.get(id)
    expect(room?.owner).toBe(expected?.owner)
    expect(room?.memberPage(undefined, 9).names).toEqual(expected?.members.toSorted())
    expect([...(room?.bans() ?? [])].toSorted()).toEqual([...(expected?.bans ?? [])].toSorted())
    const joined = expected?.members.map((user) => room?.member(user)?.joinedAtMs ?? 0)
    expect(joined).toEqual(joined?.toSorted((a, b) => a - b))
  }
}
