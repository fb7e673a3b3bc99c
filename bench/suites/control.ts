/**
 * Whether PING is answered while the server has all it can do: round trips of a connection in no room, during a burst
 * into a room of 1,000 with 512 messages in flight. Beside it `idle`: the 1,000 are there, and nothing is said to them.
 *
 * pingMs: from PING to PONG, in a process of its own, which shares the machine with the server and with the readers, and
 * runs before them if it may (`load/before-others.ts`; the params say whether).
 */
import { SERVER_SETTINGS } from '../contest.js'
import type { PingerProgram } from '../load/pinger.js'
import { RoomLoad } from '../load/room-load.js'
import { startServer } from '../server-process.js'
import { ratiosOf } from '../statistics.js'
import { OURS, type Suite } from '../suite.js'
import { measureUnderLoad } from '../under-load.js'
import { WorkerProcess } from '../worker-process.js'

const FULL = { members: 1_000, rounds: 5, roundMs: 5_000 }
const QUICK = { members: 1_000, rounds: 3, roundMs: 1_500 }
const IN_FLIGHT = 512
/** A pace that no broadcast is in step with. */
const PING_EVERY_MS = 7

export const control: Suite = {
  question: 'PING round trip while 512 messages are in flight to 1,000 members, beside an idle server',
  async run({ isQuick, progress }) {
    const { members, rounds, roundMs } = isQuick ? QUICK : FULL
    const server = await startServer(SERVER_SETTINGS)
    const { port, secret } = server
    const pinger = new WorkerProcess<PingerProgram>('pinger')
    let load: RoomLoad | undefined
    try {
      progress(`${members} members join`)
      load = await RoomLoad.open({ dialect: OURS, port, secret }, { members })
      await pinger.ask('connect', { port, secret })
      progress('pings')
      const take = async () => {
        const { p50Ms, p99Ms } = await pinger.ask('ping', { durationMs: roundMs, everyMs: PING_EVERY_MS })
        return { pingMsP50: p50Ms, pingMsP99: p99Ms }
      }
      const measured = await measureUnderLoad({ load, inFlight: IN_FLIGHT, rounds, roundMs, baseName: 'idle', take })
      return {
        params: {
          members,
          rounds,
          roundMs,
          inFlight: IN_FLIGHT,
          pingEveryMs: PING_EVERY_MS,
          runsBeforeOthers: await pinger.ask('runsBeforeOthers', undefined),
          settings: SERVER_SETTINGS,
        },
        ...measured,
        ratios: ratiosOf(measured.rows, ['pingMsP50', 'pingMsP99'], 'members'),
      }
    } finally {
      await Promise.all([pinger.stop(), load?.close()])
      await server.close()
    }
  },
}
