/** Rooms that end while somebody enters, or while another node is at it, too; nodes share a real store, and are slow by order. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { RoomOwnership } from '../../src/log/room-ownership.js'
import type { Epoch, RoomId } from '../../src/protocol/ids.js'
import { assembleRooms } from '../../src/rooms/assemble-rooms.js'
import { Presence } from '../../src/rooms/presence.js'
import { nowhereElse } from '../../src/rooms/cluster-presence.js'
import { RoomRegistry } from '../../src/rooms/room-registry.js'
import { SessionGenerations } from '../../src/sessions/session-generations.js'
import { SessionsService } from '../../src/sessions/sessions.service.js'
import { TimerWheel } from '../../src/transport/timer-wheel.js'
import { ManualEndOfTick } from '../delivery/manual-end-of-tick.js'
import { roomId, userId } from '../delivery/names.js'
import { clusterNodes, type ClusterNode } from '../log/jetstream/cluster-nodes.js'
import { isNatsMissing } from '../support/nats-server.js'

const lobby = roomId('lobby')
const person = (name: string) => ({ user: userId(name), username: name })

/** Deletes logs only when it is let. */
class SlowRouter extends BackpressureRouter {
  private gate: Promise<void> = Promise.resolve()
  deletions = 0

  hold(): () => void {
    let letGo: () => void = () => undefined
    this.gate = new Promise((resolve) => (letGo = resolve))
    return letGo
  }

  override async deleteRoom(room: RoomId, epoch?: Epoch): Promise<void> {
    this.deletions += 1
    await this.gate
    await super.deleteRoom(room, epoch)
  }
}

/** The rooms of one node, which owns none of them unless it is told so. */
async function roomsOn({ log, state, link, clock }: ClusterNode) {
  const settings = new Settings(loadSettings({}))
  const tick = new ManualEndOfTick()
  const delivery = new SlowRouter({
    log,
    journal: log,
    settings,
    clock,
    nowMs: () => performance.now(),
    nextTick: tick.schedule,
    after: tick.after,
    marked: () => 0,
    flushBehind: () => undefined,
  })
  const registry = new RoomRegistry(settings)
  const ownership = new RoomOwnership()
  ownership.decideBy(() => false)
  const wheel = new TimerWheel(clock)
  const presence = new Presence({ registry, delivery, settings, wheel, elsewhere: nowhereElse })
  const sessions = new SessionsService(new SessionGenerations(state, clock))
  const common = { registry, log, delivery, sessions, presence, settings, clock }
  const sharing = { kind: 'cluster', link, state } as const
  const { store, memberships, replica } = assembleRooms({ ...common, sharing, state, ownership })
  onTestFinished(async () => {
    presence.close()
    await replica?.close()
  })
  await store.onModuleInit()
  return { registry, ownership, memberships, delivery }
}

describe.skipIf(isNatsMissing)('an empty room of a cluster', () => {
  const nodes = clusterNodes()

  test('that one node is slow to delete harms no later room of that name', async () => {
    const first = await nodes.open()
    const [here, there] = [await roomsOn(first), await roomsOn(await first.sibling())]
    await there.memberships.enter(there.memberships.found(lobby, userId('alice')), person('alice'))
    const letGo = there.delivery.hold()
    const leaving = there.memberships.end(lobby, userId('alice'), 'left')
    await expect.poll(() => there.delivery.deletions).toBe(1)
    await expect.poll(() => here.registry.get(lobby)?.isClosing).toBe(true)
    here.ownership.decideBy(() => true)
    first.clock.advance(12_000)
    await expect.poll(() => here.registry.get(lobby)).toBeUndefined()
    const room = here.memberships.found(lobby, userId('carol'))
    await here.memberships.enter(room, person('carol'))
    await here.memberships.ban(room, userId('dave'))
    await expect.poll(() => there.registry.get(lobby)?.isBanned(userId('dave'))).toBe(true)
    letGo()
    await leaving
    await first.state.put(['ban', 'other', 'nobody'], Buffer.alloc(7))
    await first.state.caughtUp(['ban', 'other', 'nobody'])
    for (const { registry } of [here, there]) {
      expect(registry.get(lobby)?.memberIds()).toEqual(['carol'])
      expect([...(registry.get(lobby)?.bans() ?? [])]).toEqual(['dave'])
    }
    expect(first.state.currentEntries(['member', 'lobby'])).toHaveLength(1)
  })

  test('that is sealed is not opened again', async () => {
    const first = await nodes.open()
    const [here, there] = [await roomsOn(first), await roomsOn(await first.sibling())]
    await there.memberships.enter(there.memberships.found(lobby, userId('alice')), person('alice'))
    await expect.poll(() => here.registry.get(lobby)?.memberCount).toBe(1)
    const letGo = there.delivery.hold()
    const leaving = there.memberships.end(lobby, userId('alice'), 'left')
    await expect.poll(() => there.delivery.deletions).toBe(1)
    const room = here.registry.get(lobby)
    if (room === undefined) throw new Error('the room is gone')
    await expect(here.memberships.enter(room, person('bob'))).rejects.toMatchObject({
      failure: { code: 'LOG_UNAVAILABLE' },
    })
    letGo()
    await leaving
    await expect.poll(() => here.registry.get(lobby)).toBeUndefined()
    expect(first.state.currentEntries(['member', 'lobby'])).toEqual([])
    expect(first.state.currentEntries(['room', 'lobby'])).toEqual([])
  })
})
