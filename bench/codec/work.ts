/** Something that takes nanoseconds, done often enough at a time to be timed. */
export interface Work {
  /** Frames or bodies in one `run`. */
  readonly units: number
  /** Returns something made by the last unit, so that no optimiser can drop the work. */
  run(): unknown
}

/** One thing to do, by whoever can do it. */
export interface CodecCase {
  readonly name: string
  readonly figure: 'nsPerFrame' | 'nsPerBody'
  readonly contestants: Readonly<Record<string, Work>>
}

/** `operation` as work of `units` units. */
export function repeated(units: number, operation: () => unknown): Work {
  return {
    units,
    run() {
      let last: unknown
      for (let unit = 0; unit < units; unit += 1) last = operation()
      return last
    },
  }
}

/** Nanoseconds a unit, over about `durationMs`. */
export function timeWork(work: Work, durationMs: number): number {
  const startMs = performance.now()
  let runs = 0
  let elapsedMs = 0
  while (elapsedMs < durationMs) {
    work.run()
    runs += 1
    elapsedMs = performance.now() - startMs
  }
  return (elapsedMs * 1e6) / (runs * work.units)
}
