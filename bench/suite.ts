/** What a suite is and what it gives back; `run.ts` turns that into the one JSON document or the table. */

/** `name` says whose figures they are; every figure carries its unit in its key, and a row its param if there are several. */
export interface Row {
  readonly name: string
  readonly [field: string]: string | number
}

/** The row that everything else is compared with. */
export const OURS = 'nestwire'

export interface SuiteOptions {
  /** Fewer rounds of less work: under 45 s, or `run.ts` says that it was not. */
  readonly isQuick: boolean
  /** Tells the person at the terminal what is going on. */
  readonly progress: (line: string) => void
}

export interface Outcome {
  readonly params: Readonly<Record<string, unknown>>
  readonly rows: readonly Row[]
  /** `<figure>/<rival>@<param>`: ours ÷ theirs. */
  readonly ratios: Readonly<Record<string, number>>
  /** What must not have happened and did; the process then exits with 1. */
  readonly failures: readonly string[]
}

export interface Suite {
  /** The question it answers, for `--list`. */
  readonly question: string
  run(options: SuiteOptions): Promise<Outcome>
}
