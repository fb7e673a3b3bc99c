/** A server that runs, a setting that changes, and what is the case before and after. */
export type LiveScenario = () => Promise<void>
export type LiveScenarios = Readonly<Record<`NESTWIRE_${string}`, LiveScenario>>
