/** What a verdict must be: what the honest may have to wait, and what the server may hold. */
import type { Verdict } from './stage.js'

export interface Bounds {
  /** The honest wait at most so many times as long as in quiet, at their 99th percentile; */
  readonly timesQuiet: number
  /** and shorter waits than this are never a fault. */
  readonly freeWaitMs: number
  /** Memory of the server that is no page of a file. */
  readonly memoryMb: number
}

/**
 * Beside other tests on a machine that is busy: starvation shows, noise does not. With five times as many processes at work
 * as there are processors the honest waited up to 700 ms for nothing that the server did.
 */
export const SHORT_BOUNDS: Bounds = { timesQuiet: 2, freeWaitMs: 1_000, memoryMb: 600 }
export const LONG_BOUNDS: Bounds = { timesQuiet: 2, freeWaitMs: 0, memoryMb: 1_000 }

export function wrongsWith(verdict: Verdict, bounds: Bounds): readonly string[] {
  const { isControl, quiet, attacked, memoryMbPeak, faults } = verdict
  if (isControl) return []
  const mostMs = Math.max(bounds.timesQuiet * quiet.p99Ms, bounds.freeWaitMs)
  const wait = `the honest waited ${attacked.p99Ms.toFixed(1)} ms (p99), and may wait ${mostMs.toFixed(1)}`
  const memory = `the server held ${memoryMbPeak.toFixed()} MB, and may hold ${bounds.memoryMb}`
  return [...faults, ...(attacked.p99Ms <= mostMs ? [] : [wait]), ...(memoryMbPeak <= bounds.memoryMb ? [] : [memory])]
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
