/** Makes the same call through one Nest client, a given number of calls in flight, for a given time. */
import 'reflect-metadata'
import { count, firstValueFrom, type Observable } from 'rxjs'
import { percentile, Samples } from '../statistics.js'
import { answerQuestions } from './answer-questions.js'
import { cpuUs } from './cpu-us.js'
import type { RpcPlace } from './rpc-server.js'
import { rpcTransports, type RpcCaller, type SumCall } from './rpc-transports.js'
import { STREAM_ITEMS, SUM_ANSWER, sumRequests } from './rpc.controller.js'

export interface RpcLoad {
  /** `items`: a stream of `STREAM_ITEMS` of 100 bytes; its time is that to its end. */
  readonly call: SumCall | 'items'
  readonly payloadBytes: keyof typeof sumRequests
  readonly inFlight: number
}

export interface RpcRound extends RpcPlace {
  readonly load: RpcLoad
  readonly durationMs: number
}

export interface RpcTally {
  readonly calls: number
  readonly elapsedMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuUs: number
}

let caller: RpcCaller | undefined

async function call({ transport, port, load, durationMs }: RpcRound): Promise<RpcTally> {
  caller ??= rpcTransports[transport].caller(port)
  await caller.connect()
  const latenciesMs = new Samples()
  const startCpuUs = cpuUs()
  const startMs = performance.now()
  const callers = { question: question(caller, load), endMs: startMs + durationMs, latenciesMs }
  await Promise.all(Array.from({ length: load.inFlight }, () => callUntilEnd(callers)))
  return {
    calls: latenciesMs.length,
    elapsedMs: performance.now() - startMs,
    cpuUs: cpuUs() - startCpuUs,
    p50Ms: percentile(latenciesMs.all, 0.5),
    p99Ms: percentile(latenciesMs.all, 0.99),
  }
}

interface Question {
  /** Its one value is the answer. */
  ask(): Observable<unknown>
  isRight(answer: unknown): boolean
}

function question(to: RpcCaller, { call, payloadBytes }: RpcLoad): Question {
  if (call === 'items') return { ask: () => to.items().pipe(count()), isRight: (items) => items === STREAM_ITEMS }
  const request = sumRequests[payloadBytes]
  return { ask: () => to.call(call, request), isRight: (answer) => to.sumIn(answer) === SUM_ANSWER }
}

interface Callers {
  readonly question: Question
  readonly endMs: number
  readonly latenciesMs: Samples
}

/** One caller: its next call begins when the last one was answered. */
async function callUntilEnd({ question, endMs, latenciesMs }: Callers): Promise<void> {
  for (let nowMs = performance.now(); nowMs < endMs;) {
    const answer: unknown = await firstValueFrom(question.ask())
    if (!question.isRight(answer)) throw new Error(`the answer was ${String(answer)}`)
    const beganMs = nowMs
    nowMs = performance.now()
    latenciesMs.add(nowMs - beganMs)
  }
}

const program = { call }
export type RpcClientProgram = typeof program
answerQuestions(program)
