/** Figures from samples. Four significant digits: the machine is not more exact than that. */
import { OURS, type Row } from './suite.js'

/** Collects numbers outside the heap, so that a long round does not pay for the collecting with its garbage. */
export class Samples {
  length = 0
  private numbers = new Float64Array(2 ** 16)

  get all(): Float64Array {
    return this.numbers.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  add(sample: number): void {
    if (this.length === this.numbers.length) {
      const larger = new Float64Array(this.length * 2)
      larger.set(this.numbers)
      this.numbers = larger
    }
    this.numbers[this.length] = sample
    this.length += 1
  }
}

/** The smallest sample that at least `fraction` of all do not exceed; NaN without samples. */
export function percentile(samples: ArrayLike<number>, fraction: number): number {
  const sorted = Float64Array.from(samples).toSorted()
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? NaN
}

export const median = (samples: ArrayLike<number>): number => percentile(samples, 0.5)

export const rounded = (value: number): number => Number(value.toPrecision(4))

/** Rounded down, so that 100 means all. */
export const percentOf = (part: number, whole: number): number => Math.floor((part / whole) * 1e6) / 1e4

/** For each figure of the rounds its median, least and most as `<figure>`, `<figure>Min`, `<figure>Max`. */
export function spread<Figures extends Readonly<Record<keyof Figures, number>>>(
  rounds: readonly Figures[],
): Record<string, number> {
  const figures: Record<string, number> = {}
  for (const [figure] of Object.entries(rounds[0] ?? {})) {
    const samples = rounds.map((round) => round[figure as keyof Figures])
    figures[figure] = rounded(median(samples))
    figures[`${figure}Min`] = rounded(Math.min(...samples))
    figures[`${figure}Max`] = rounded(Math.max(...samples))
  }
  return figures
}

/** Ours ÷ theirs for each of `figures` that a rival's row and our row of the same `param` both have. */
export function ratiosOf(rows: readonly Row[], figures: readonly string[], param: string): Record<string, number> {
  const ratios: Record<string, number> = {}
  for (const theirs of rows.filter(({ name }) => name !== OURS)) {
    const ours = rows.find((row) => row.name === OURS && row[param] === theirs[param])
    for (const figure of figures) {
      const [our, their] = [ours?.[figure], theirs[figure]]
      if (typeof our !== 'number' || typeof their !== 'number') continue
      ratios[`${figure}/${theirs.name}@${theirs[param]}`] = rounded(our / their)
    }
  }
  return ratios
}
