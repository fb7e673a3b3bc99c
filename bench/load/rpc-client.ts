/** Calls `sum` through one Nest client, a given number of calls in flight, for a given time. */
import 'reflect-metadata'
import type { ClientProxy } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { percentile, Samples } from '../statistics.js'
import { answerQuestions } from './answer-questions.js'
import { cpuUs } from './cpu-us.js'
import { rpcTransports, type RpcTransportName } from './rpc-transports.js'
import { SUM_ANSWER, SUM_REQUEST } from './sum.controller.js'

export interface RpcRound {
  readonly transport: RpcTransportName
  readonly port: number
  readonly inFlight: number
  readonly durationMs: number
}

export interface RpcTally {
  readonly calls: number
  readonly elapsedMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuUs: number
}

let client: ClientProxy | undefined

async function call({ transport, port, inFlight, durationMs }: RpcRound): Promise<RpcTally> {
  client ??= rpcTransports[transport].client(port)
  await client.connect()
  const latenciesMs = new Samples()
  const startCpuUs = cpuUs()
  const startMs = performance.now()
  const callers = { client, endMs: startMs + durationMs, latenciesMs }
  await Promise.all(Array.from({ length: inFlight }, () => callUntilEnd(callers)))
  return {
    calls: latenciesMs.length,
    elapsedMs: performance.now() - startMs,
    cpuUs: cpuUs() - startCpuUs,
    p50Ms: percentile(latenciesMs.all, 0.5),
    p99Ms: percentile(latenciesMs.all, 0.99),
  }
}

interface Callers {
  readonly client: ClientProxy
  readonly endMs: number
  readonly latenciesMs: Samples
}

/** One caller: its next call begins when the last one was answered. */
async function callUntilEnd({ client, endMs, latenciesMs }: Callers): Promise<void> {
  for (let nowMs = performance.now(); nowMs < endMs;) {
    const answer: unknown = await firstValueFrom(client.send('sum', SUM_REQUEST))
    if (answer !== SUM_ANSWER) throw new Error(`sum answered ${String(answer)}`)
    const beganMs = nowMs
    nowMs = performance.now()
    latenciesMs.add(nowMs - beganMs)
  }
}

const program = { call }
export type RpcClientProgram = typeof program
answerQuestions(program)
