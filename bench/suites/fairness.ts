/**
 * What a large room costs a small one: two members talk at a steady pace while 10,000 in another room are broadcast to
 * without pause, four messages in flight. Beside it `quiet`: the 10,000 are there, and nothing is said to them.
 *
 * smallRoomMs: from publishing to the other's receipt, both in a process of their own, which shares the machine with the
 * server and with those who read for the 10,000, and runs before them if it may (`load/before-others.ts`; the
 * params say whether). deliveriesPerSecond: those of the large room.
 */
import { SERVER_SETTINGS } from '../contest.js'
import { RoomLoad } from '../load/room-load.js'
import type { RoomPairProgram } from '../load/room-pair.js'
import { startServer } from '../server-process.js'
import { ratiosOf } from '../statistics.js'
import { OURS, type Suite } from '../suite.js'
import { measureUnderLoad } from '../under-load.js'
import { WorkerProcess } from '../worker-process.js'

const FULL = { members: 10_000, rounds: 5, roundMs: 6_000 }
const QUICK = { members: 2_000, rounds: 3, roundMs: 1_500 }
const IN_FLIGHT = 4
/** A pace that no broadcast is in step with. */
const TALK_EVERY_MS = 7

export const fairness: Suite = {
  question: 'round trip in a room of two while a room of 10,000 is broadcast to without pause',
  async run({ isQuick, progress }) {
    const { members, rounds, roundMs } = isQuick ? QUICK : FULL
    const server = await startServer(SERVER_SETTINGS)
    const { port, secret } = server
    const pair = new WorkerProcess<RoomPairProgram>('room-pair')
    let load: RoomLoad | undefined
    try {
      progress(`${members} members join`)
      load = await RoomLoad.open({ dialect: OURS, port, secret }, { members, room: 'big' })
      await pair.ask('join', { port, secret })
      progress('two others talk')
      const take = async () => {
        const { p50Ms, p99Ms } = await pair.ask('talk', { durationMs: roundMs, everyMs: TALK_EVERY_MS })
        return { smallRoomMsP50: p50Ms, smallRoomMsP99: p99Ms }
      }
      const measured = await measureUnderLoad({ load, inFlight: IN_FLIGHT, rounds, roundMs, baseName: 'quiet', take })
      return {
        params: {
          members,
          rounds,
          roundMs,
          inFlight: IN_FLIGHT,
          talkEveryMs: TALK_EVERY_MS,
          runsBeforeOthers: await pair.ask('runsBeforeOthers', undefined),
          settings: SERVER_SETTINGS,
        },
        ...measured,
        ratios: ratiosOf(measured.rows, ['smallRoomMsP50', 'smallRoomMsP99'], 'members'),
      }
    } finally {
      await Promise.all([pair.stop(), load?.close()])
      await server.close()
    }
  },
}
