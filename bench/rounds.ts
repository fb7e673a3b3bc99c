/**
 * Measures contestants in turns, A B A B …, so that the drift of the machine falls on all of them alike.
 * Results are in the order of `contestants`.
 */
export interface Turns<Contestant, Result> {
  readonly contestant: Contestant
  readonly results: readonly Result[]
}

/** The first turn of each warms it up and is not counted. */
export async function interleave<Contestant, Result>(
  contestants: readonly Contestant[],
  rounds: number,
  measure: (contestant: Contestant) => Result | Promise<Result>,
): Promise<Turns<Contestant, Result>[]> {
  for (const contestant of contestants) await measure(contestant)
  return takeTurns(contestants, rounds, measure)
}

/** Every turn counts: for what is started anew in each. */
export async function takeTurns<Contestant, Result>(
  contestants: readonly Contestant[],
  rounds: number,
  measure: (contestant: Contestant) => Result | Promise<Result>,
): Promise<Turns<Contestant, Result>[]> {
  const measured = contestants.map((contestant) => ({ contestant, results: [] as Result[] }))
  for (let round = 0; round < rounds; round += 1) {
    for (const { contestant, results } of measured) results.push(await measure(contestant))
  }
  return measured
}
