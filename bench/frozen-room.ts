/** The room of `frozen`: who is in it, what is said there, and how it goes on while those that were frozen catch up. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConnection } from '../src/client/client-connection.js'
import { monotonicMs } from './load/monotonic-ms.js'
import type { RoomReadersProgram } from './load/room-readers.js'
import { timedMessage } from './load/timed-message.js'
import type { MemoryWatch } from './memory-watch.js'
import type { ServerProcess } from './server-process.js'
import type { WorkerProcess } from './worker-process.js'

export type Readers = WorkerProcess<RoomReadersProgram>

export const ROOM = 'frozen'
export const MESSAGE_BYTES = 32 * 1024
/** A message that not everybody has by then is lost. */
const RECEIPT_TIMEOUT_MS = 30_000

/** A server, a publisher, those that freeze in a process of their own, and the others in another. */
export interface FrozenRoom {
  readonly server: ServerProcess
  readonly publisher: ClientConnection
  readonly sleepers: Readers
  readonly others: Readers
  readonly memory: MemoryWatch
}

export interface CatchUpTalk {
  /** Messages before the thaw. */
  readonly said: number
  readonly everyMs: number
  /** And after it. */
  readonly more: { readonly least: number; readonly most: number }
  readonly timeoutMs: number
}

/** Thaws them, and goes on until those that were frozen have what was said before. */
export async function catchUpWhileTalking(room: FrozenRoom, { said, everyMs, more, timeoutMs }: CatchUpTalk) {
  const { sleepers } = room
  const thawedAtMs = monotonicMs()
  await sleepers.ask('thaw', undefined)
  let areThere = false
  const caughtUp = sleepers.ask('receive', { index: said - 1, timeoutMs }).then((receipt) => {
    areThere = true
    return receipt
  })
  const least = said + more.least
  const isEnough = (index: number): boolean => index >= least && areThere
  const sent = await publish(room, { first: said, end: said + more.most, everyMs, isEnough })
  const { lastAtMs } = await caughtUp
  const { isComplete } = await sleepers.ask('receive', { index: sent - 1, timeoutMs })
  return { sent, isComplete, catchUpMs: Math.max(0, lastAtMs - thawedAtMs) }
}

interface Stretch {
  readonly first: number
  readonly end: number
  /** No faster than this. */
  readonly everyMs?: number
  /** Ends it before `index` is said. */
  readonly isEnough?: (index: number) => boolean
}

/** One message at a time, the next when all the others have it; returns how many they all had. */
export async function publish(
  { publisher, others }: FrozenRoom,
  { first, end, everyMs = 0, isEnough = () => false }: Stretch,
): Promise<number> {
  const startMs = monotonicMs()
  for (let index = first; index < end; index += 1) {
    const aheadMs = startMs + (index - first) * everyMs - monotonicMs()
    if (aheadMs > 1) await sleep(aheadMs)
    if (isEnough(index)) return index
    const received = others.ask('receive', { index, timeoutMs: RECEIPT_TIMEOUT_MS })
    await publisher.publish(ROOM, timedMessage(index, { sentAtMs: monotonicMs(), bytes: MESSAGE_BYTES }))
    const { isComplete } = await received
    if (!isComplete) return index
  }
  return end
}
