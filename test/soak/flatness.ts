/** Whether what a server holds has stopped growing: judged by the last third of the samples. Pure. */
import type { Vital, Vitals } from './vitals.js'

/** The most that each may grow by over the last third, by the line through its samples. */
export type GrowthBounds = Readonly<Partial<Record<Vital, number>>>

export interface Growth {
  readonly vital: Vital
  /** Over the last third. */
  readonly grown: number
  readonly mayGrow: number
}

/** A line needs more than its two ends. */
const LEAST_SAMPLES = 3

/** One for each bound. Throws when there are too few samples to say. */
export function growthsOf(samples: readonly Vitals[], bounds: GrowthBounds): readonly Growth[] {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined) throw new RangeError('no samples')
  const fromSecond = last.second - (last.second - first.second) / 3
  const third = samples.filter(({ second }) => second >= fromSecond)
  if (third.length < LEAST_SAMPLES) throw new RangeError(`${third.length} samples in the last third`)
  const seconds = last.second - (third[0]?.second ?? 0)
  return Object.entries(bounds).map(([name, mayGrow]) => {
    const vital = name as Vital
    return { vital, grown: slopeOf(third, vital) * seconds, mayGrow }
  })
}

export const isFlat = ({ grown, mayGrow }: Growth): boolean => grown <= mayGrow

/** Of the line of least squares, per second. */
function slopeOf(samples: readonly Vitals[], vital: Vital): number {
  const mean = (of: (sample: Vitals) => number): number =>
    samples.reduce((sum, one) => sum + of(one), 0) / samples.length
  const [meanSecond, meanValue] = [mean(({ second }) => second), mean((sample) => sample[vital])]
  let [over, under] = [0, 0]
  for (const sample of samples) {
    over += (sample.second - meanSecond) * (sample[vital] - meanValue)
    under += (sample.second - meanSecond) ** 2
  }
  return under === 0 ? 0 : over / under
}
