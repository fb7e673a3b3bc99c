/**
 * Measures contestants in turns, A B A B …, so that the drift of the machine falls on all of them alike.
 * The first turn of each warms it up and is not counted. Results are in the order of `contestants`.
 */
export async function interleave<Contestant, Result>(
  contestants: readonly Contestant[],
  rounds: number,
  measure: (contestant: Contestant) => Result | Promise<Result>,
): Promise<{ readonly contestant: Contestant; readonly results: readonly Result[] }[]> {
  const measured = contestants.map((contestant) => ({ contestant, results: [] as Result[] }))
  for (const { contestant } of measured) await measure(contestant)
  for (let round = 0; round < rounds; round += 1) {
    for (const { contestant, results } of measured) results.push(await measure(contestant))
  }
  return measured
}
