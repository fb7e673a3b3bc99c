/**
 * What a verdict must be: what the honest may have to wait, and what the server may hold. In the short form an attack whose honest
 * waited too long is performed once more, and the second wait is judged: starvation repeats, noise of the machine does not.
 */
import type { Verdict } from './stage.js'

export interface Bounds {
  /** The honest wait at most so many times as long as in quiet, at their 99th percentile; */
  readonly timesQuiet: number
  /** and shorter waits than this are never a fault. */
  readonly freeWaitMs: number
  /** Memory of the server that is no page of a file. */
  readonly memoryMb: number
  /** A wait that is too long is a fault only if the next one is, too. */
  readonly isWaitRepeated: boolean
}

export interface Judgement {
  readonly verdicts: readonly Verdict[]
  readonly wrongs: readonly string[]
}

/**
 * Beside other tests on a machine that is busy: starvation shows, noise does not. With five times as many processes at work
 * as there are processors the honest waited up to 700 ms for nothing that the server did.
 */
export const SHORT_BOUNDS: Bounds = { timesQuiet: 2, freeWaitMs: 1_000, memoryMb: 600, isWaitRepeated: true }
export const LONG_BOUNDS: Bounds = { timesQuiet: 2, freeWaitMs: 0, memoryMb: 1_000, isWaitRepeated: false }

export async function judge(perform: () => Promise<Verdict>, bounds: Bounds): Promise<Judgement> {
  const first = await perform()
  if (first.isControl) return { verdicts: [first], wrongs: [] }
  const [wait, wrongs] = [waitsTooLong(first, bounds), otherWrongs(first, bounds)]
  if (wait.length === 0 || !bounds.isWaitRepeated) return { verdicts: [first], wrongs: [...wrongs, ...wait] }
  const second = await perform()
  return {
    verdicts: [first, second],
    wrongs: [...wrongs, ...otherWrongs(second, bounds), ...waitsTooLong(second, bounds)],
  }
}

function waitsTooLong({ quiet, attacked }: Verdict, bounds: Bounds): readonly string[] {
  const mostMs = Math.max(bounds.timesQuiet * quiet.p99Ms, bounds.freeWaitMs)
  if (attacked.p99Ms <= mostMs) return []
  return [`the honest waited ${attacked.p99Ms.toFixed(1)} ms (p99), and may wait ${mostMs.toFixed(1)}`]
}

function otherWrongs({ memoryMbPeak, faults }: Verdict, bounds: Bounds): readonly string[] {
  if (memoryMbPeak <= bounds.memoryMb) return faults
  return [...faults, `the server held ${memoryMbPeak.toFixed()} MB, and may hold ${bounds.memoryMb}`]
}

export function describeVerdict({
  attack,
  quiet,
  attacked,
  memoryMbBefore,
  memoryMbPeak,
  told,
  notes,
}: Verdict): string {
  const ms = (value: number): string => value.toFixed(1)
  const waits = `p99 ${ms(quiet.p99Ms)} → ${ms(attacked.p99Ms)} ms, max ${ms(quiet.maxMs)} → ${ms(attacked.maxMs)}`
  const memory = `${memoryMbBefore.toFixed()} → ${memoryMbPeak.toFixed()} MB`
  return `${attack}: ${[waits, memory, told, ...notes].join('; ')}`
}
