/**
 * Request and reply through Nest, beside Nest's own transports: same handlers, same calls, one client each.
 * With one call in flight the time is the kernel's: two wake-ups of a process, dear or cheap by the core it woke on.
 * Processor time a call is the steadiest figure on a machine that others use too; that of NATS's own server counts with the
 * Nest server behind it.
 */
import { startBroker, type Broker } from '../broker-process.js'
import { freePort } from '../free-port.js'
import type { RpcClientProgram, RpcLoad } from '../load/rpc-client.js'
import type { RpcPlace, RpcServerProgram } from '../load/rpc-server.js'
import { rpcTransportNames, rpcTransports, type RpcTransportName } from '../load/rpc-transports.js'
import { STREAM_ITEMS } from '../load/rpc.controller.js'
import { readUsage } from '../process-usage.js'
import { interleave } from '../rounds.js'
import { ratiosOf, spread } from '../statistics.js'
import type { Row, Suite } from '../suite.js'
import { WorkerProcess } from '../worker-process.js'

const IN_FLIGHT = [1, 64, 512]
const STREAMS_IN_FLIGHT = 8
const FULL = { rounds: 7, roundMs: 1500 }
const QUICK = { rounds: 4, roundMs: 200 }

/** `params` tell a row from the others of its name. */
interface Case {
  readonly params: Readonly<Record<string, number | string>>
  readonly load: RpcLoad
}

/** 100 bytes through the handler without guard and pipe: the figures of the suite. */
const plainCases: readonly Case[] = IN_FLIGHT.map((inFlight) => ({
  params: { inFlight },
  load: { call: 'sum', payloadBytes: 100, inFlight },
}))

/** Named by what is different in them, and by how many calls are in flight. */
const otherCases: readonly Case[] = [
  ...IN_FLIGHT.map((inFlight) => named('16-kib', { call: 'sum', payloadBytes: 16_384, inFlight })),
  ...IN_FLIGHT.map((inFlight) => named('guard-and-pipe', { call: 'checkedSum', payloadBytes: 100, inFlight })),
  named('guard-and-pipe-16-kib', { call: 'checkedSum', payloadBytes: 16_384, inFlight: 64 }),
  named('streams', { call: 'items', payloadBytes: 100, inFlight: 1 }),
  named('streams', { call: 'items', payloadBytes: 100, inFlight: STREAMS_IN_FLIGHT }),
]
/** Few calls a second would measure the compiler: 900 calls of a first round took five times the processor time of later ones. */
const WARM_UP: RpcLoad = { call: 'sum', payloadBytes: 100, inFlight: 64 }
const WARM_UP_MS = 1000

/** One of each sort. */
const quickCases = ['16-kib-64', 'guard-and-pipe-64', `streams-${STREAMS_IN_FLIGHT}`]

const CALL_FIGURES = ['callsPerSecond', 'p50Ms', 'p99Ms', 'serverCpuUsPerCall', 'clientCpuUsPerCall']
const STREAM_FIGURES = ['itemsPerSecond', 'streamMsP50', 'streamMsP99', 'serverCpuUsPerItem', 'clientCpuUsPerItem']

/** A server in its process and a client in its own, perhaps with a broker between them. */
interface Contestant {
  readonly place: RpcPlace
  readonly server: WorkerProcess<RpcServerProgram>
  readonly client: WorkerProcess<RpcClientProgram>
  readonly broker: Broker | undefined
}

export const rpc: Suite = {
  question: "request/reply through Nest at 1, 64 and 512 in flight, beside Nest's TCP, NATS and gRPC transports",
  async run({ isQuick, progress }) {
    const { rounds, roundMs } = isQuick ? QUICK : FULL
    const others = isQuick ? otherCases.filter(({ params }) => quickCases.includes(String(params['case']))) : otherCases
    const installed = rpcTransportNames.filter((name) => rpcTransports[name].isInstalled())
    const missing = rpcTransportNames.filter((name) => !installed.includes(name))
    const contestants: Contestant[] = []
    const rows: Row[] = []
    try {
      for (const name of installed) contestants.push(await start(name))
      for (const contestant of contestants) await playRound(contestant, WARM_UP, WARM_UP_MS)
      for (const { params, load } of [...plainCases, ...others]) {
        progress(Object.entries(params).flat().join(' '))
        const measured = await interleave(contestants, rounds, (each) => playRound(each, load, roundMs))
        for (const { contestant, results } of measured) {
          rows.push({ name: contestant.place.transport, ...params, ...spread(results) })
        }
        rows.push(...missing.map((name) => ({ name, ...params, missing: 'not installed: npm run bench:setup' })))
      }
    } finally {
      await Promise.all(contestants.map(leave))
    }
    const ratios = {
      ...ratiosOf(
        rows.filter((row) => 'inFlight' in row),
        CALL_FIGURES,
        'inFlight',
      ),
      ...ratiosOf(
        rows.filter((row) => 'case' in row),
        [...CALL_FIGURES, ...STREAM_FIGURES],
        'case',
      ),
    }
    const params = { rounds, roundMs, inFlight: IN_FLIGHT, cases: others.map((each) => each.params['case']) }
    return { params: { ...params, streamItems: STREAM_ITEMS }, rows, ratios, failures: [] }
  },
}

function named(name: string, load: RpcLoad): Case {
  return { params: { case: `${name}-${load.inFlight}` }, load }
}

async function start(transport: RpcTransportName): Promise<Contestant> {
  const broker = transport === 'nest-nats' ? await startBroker('nats') : undefined
  const place = { transport, port: broker?.port ?? (await freePort()) }
  const contestant: Contestant = {
    place,
    broker,
    server: new WorkerProcess('rpc-server'),
    client: new WorkerProcess('rpc-client'),
  }
  await contestant.server.ask('listen', place)
  return contestant
}

async function leave({ server, client, broker }: Contestant): Promise<void> {
  await Promise.all([client.stop(), server.stop()])
  await broker?.close()
}

async function playRound(contestant: Contestant, load: RpcLoad, durationMs: number): Promise<Record<string, number>> {
  const startCpuUs = await serverCpuUs(contestant)
  const { calls, elapsedMs, p50Ms, p99Ms, cpuUs } = await contestant.client.ask('call', {
    ...contestant.place,
    load,
    durationMs,
  })
  const spentCpuUs = (await serverCpuUs(contestant)) - startCpuUs
  const units = load.call === 'items' ? calls * STREAM_ITEMS : calls
  const figures = [(units * 1000) / elapsedMs, p50Ms, p99Ms, spentCpuUs / units, cpuUs / units]
  const names = load.call === 'items' ? STREAM_FIGURES : CALL_FIGURES
  return Object.fromEntries(names.map((name, at) => [name, figures[at] ?? NaN]))
}

async function serverCpuUs({ server, broker }: Contestant): Promise<number> {
  const brokerCpuUs = broker === undefined ? 0 : readUsage(broker.pid).cpuMs * 1000
  return (await server.ask('cpuUs', undefined)) + brokerCpuUs
}
