/** The router over a log in memory, with ticks and time that the test turns, and members without sockets. */
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import type { DeliveryPriority } from '../../src/delivery/room-delivery.js'
import type { RoomJournal } from '../../src/log/room-log.js'
import { SoleWriter } from '../../src/log/sole-writer.js'
import { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { ManualClock } from '../support/manual-clock.js'
import { ManualEndOfTick } from './manual-end-of-tick.js'
import { roomId, userId } from './names.js'
import { RecordingConnection } from './recording-connection.js'
import { SharedJournal } from './shared-journal.js'

export const lobby = roomId('lobby')
export const text = (body: string | Buffer) => ({
  kind: RecordKind.Text,
  sender: userId('alice'),
  body: Buffer.from(body),
})
export const seqs = (records: readonly { readonly seq: number }[]): readonly number[] => records.map(({ seq }) => seq)
export const from1To = (last: number): readonly number[] => Array.from({ length: last }, (_, index) => index + 1)

/**
 * `msPerLook` is what passes whenever somebody asks for the time, so that rooms that wait for their window get their
 * turn, or what the time is. At 50 an offer seems so slow that, once 32 members were served, slices have their least size: 16 offers.
 */
export function startRouter(env: Record<string, string> = {}, msPerLook: number | (() => number) = 0.5) {
  return startOn((log, clock) => new SoleWriter(log, clock), env, msPerLook)
}

/** The same on a log that other nodes append to, too, as the test says. */
export function startSharedRouter(env: Record<string, string> = {}, msPerLook: number | (() => number) = 0.5) {
  return startOn((log) => new SharedJournal(log), env, msPerLook)
}

function startOn<Journal extends RoomJournal>(
  journalOf: (log: MemoryRoomLog, clock: ManualClock) => Journal,
  env: Record<string, string>,
  msPerLook: number | (() => number),
) {
  const tick = new ManualEndOfTick()
  const settings = new Settings(loadSettings(env))
  const clock = new ManualClock()
  const log = new MemoryRoomLog(settings, clock)
  const journal = journalOf(log, clock)
  let nowMs = 0
  const nowOf = () => (typeof msPerLook === 'number' ? (nowMs += msPerLook) : msPerLook())
  const router = new BackpressureRouter({
    log,
    journal,
    settings,
    clock,
    nowMs: nowOf,
    nextTick: tick.schedule,
    after: tick.after,
    marked: () => 0,
    flushBehind: () => undefined,
  })
  const say = (body: string | Buffer, priority: DeliveryPriority = 'normal', room = lobby) =>
    router.append(room, text(body), priority)
  return { tick, settings, clock, log, journal, router, say }
}

/** With so many members in the lobby. */
export async function startLobby(count: number, env: Record<string, string> = {}, msPerLook?: number | (() => number)) {
  const parts = startRouter(env, msPerLook)
  return { ...parts, members: await enter(parts, count) }
}

export async function startSharedLobby(
  count: number,
  env: Record<string, string> = {},
  msPerLook?: number | (() => number),
) {
  const parts = startSharedRouter(env, msPerLook)
  return { ...parts, members: await enter(parts, count) }
}

async function enter({ router }: { readonly router: BackpressureRouter }, count: number) {
  const members = Array.from({ length: count }, () => new RecordingConnection())
  await router.open(lobby)
  for (const member of members) router.attach(lobby, member)
  return members
}
