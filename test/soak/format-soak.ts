/** A run in a few lines, for people. */
import type { SoakReport } from './run-soak.js'
import type { Vital } from './vitals.js'

const SHOWN: readonly Vital[] = ['rssMb', 'memoryMb', 'heapMb', 'handles', 'loopDelayMs', 'connections', 'sessions']

export function formatSoak({
  seed,
  seconds,
  samples,
  growths,
  visits,
  reloads,
  figures,
  ...report
}: SoakReport): string {
  const { acknowledged, refused, deliveries, connections, roomsResumedWhole, roomsResumedWithGap, gaps } = figures
  const { violations, faults } = report
  const range = (vital: Vital): string => {
    const values = samples.map((sample) => sample[vital])
    const last = values.at(-1) ?? NaN
    return `${vital} ${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}, at the end ${last.toFixed(1)}`
  }
  return [
    `seed ${seed}: ${seconds} s, ${visits} visits, ${reloads} reloads`,
    `acknowledged ${acknowledged}, refused ${refused}, delivered ${deliveries}, gaps told ${gaps}`,
    `connections ${connections}, rooms resumed whole ${roomsResumedWhole}, with a gap ${roomsResumedWithGap}`,
    ...SHOWN.map(range),
    ...growths.map(
      ({ vital, grown, mayGrow }) => `last third: ${vital} grew by ${grown.toFixed(1)}, may by ${mayGrow}`,
    ),
    `violations ${violations.length}, faults ${faults.length}`,
    ...violations.map(({ kind, details }) => `  ${kind}: ${details}`),
    ...faults.map((fault) => `  ${fault}`),
  ].join('\n')
}
