/**
 * Request and reply through Nest, beside Nest's own TCP transport: same controller, same calls, one client each.
 * With one call in flight the time is the kernel's: two wake-ups of a process, dear or cheap by the core it woke on.
 * Processor time a call is the steadiest figure on a machine that others use too.
 */
import type { RpcClientProgram } from '../load/rpc-client.js'
import type { RpcServerProgram } from '../load/rpc-server.js'
import type { RpcTransportName } from '../load/rpc-transports.js'
import { interleave } from '../rounds.js'
import { ratiosOf, spread } from '../statistics.js'
import type { Row, Suite } from '../suite.js'
import { WorkerProcess } from '../worker-process.js'

const IN_FLIGHT = [1, 64, 512]
const FULL = { rounds: 9, roundMs: 2000 }
const QUICK = { rounds: 5, roundMs: 800 }

const FIGURES = ['callsPerSecond', 'p50Ms', 'p99Ms', 'serverCpuUsPerCall', 'clientCpuUsPerCall'] as const
type Figures = Readonly<Record<(typeof FIGURES)[number], number>>

/** A server in its process and a client in its own. */
interface Contestant {
  readonly transport: RpcTransportName
  readonly server: WorkerProcess<RpcServerProgram>
  readonly client: WorkerProcess<RpcClientProgram>
  readonly port: number
}

export const rpc: Suite = {
  question: "request/reply through Nest at 1, 64 and 512 in flight, beside Nest's TCP transport",
  async run({ isQuick, progress }) {
    const { rounds, roundMs } = isQuick ? QUICK : FULL
    const contestants = [await start('nestwire'), await start('nest-tcp')]
    const rows: Row[] = []
    try {
      for (const inFlight of IN_FLIGHT) {
        progress(`${inFlight} in flight`)
        const measured = await interleave(contestants, rounds, (each) => playRound(each, inFlight, roundMs))
        for (const { contestant, results } of measured) {
          rows.push({ name: contestant.transport, inFlight, ...spread(results) })
        }
      }
    } finally {
      await Promise.all(contestants.flatMap(({ server, client }) => [client.stop(), server.stop()]))
    }
    const ratios = ratiosOf(rows, FIGURES, 'inFlight')
    return { params: { rounds, roundMs, inFlight: IN_FLIGHT }, rows, ratios, failures: [] }
  },
}

async function start(transport: RpcTransportName): Promise<Contestant> {
  const server = new WorkerProcess<RpcServerProgram>('rpc-server')
  const port = await server.ask('listen', transport)
  return { transport, server, client: new WorkerProcess('rpc-client'), port }
}

async function playRound(contestant: Contestant, inFlight: number, durationMs: number): Promise<Figures> {
  const { server, client, transport, port } = contestant
  const startCpuUs = await server.ask('cpuUs', undefined)
  const { calls, elapsedMs, p50Ms, p99Ms, cpuUs } = await client.ask('call', { transport, port, inFlight, durationMs })
  const serverCpuUs = (await server.ask('cpuUs', undefined)) - startCpuUs
  return {
    callsPerSecond: (calls * 1000) / elapsedMs,
    p50Ms,
    p99Ms,
    serverCpuUsPerCall: serverCpuUs / calls,
    clientCpuUsPerCall: cpuUs / calls,
  }
}
