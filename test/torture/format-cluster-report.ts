/** A run in a few lines, for people. */
import type { ClusterTortureReport } from './run-cluster-torture.js'
import type { Tally } from './tally.js'
import { violationKinds } from './violation.js'

export function formatClusterReport(report: ClusterTortureReport): string {
  const { seed, seconds, misfortunes, onTheWire, inTheLibrary, violations } = report
  return [
    `seed ${seed}: ${seconds} s, three NATS servers, three nodes`,
    ...Object.entries(misfortunes).map(
      ([kind, { count, recoveryMsMax }]) => `${kind} ${count} times, all is well after ${recoveryMsMax} ms at most`,
    ),
    `clients on the wire: ${inWords(onTheWire)}`,
    `users of the library: ${inWords(inTheLibrary)}`,
    `violations ${violations.length}`,
    ...violations.map(({ kind, details }) => `  ${kind} (${violationKinds[kind]}): ${details}`),
  ].join('\n')
}

function inWords(tally: Tally): string {
  const { sent, acknowledged, refused, doubtful, repeatsRecognised, deliveries, connections, redirects, gaps } = tally
  return [
    `sent ${sent}, acknowledged ${acknowledged} (${repeatsRecognised} of them repeats), refused ${refused}, in doubt ${doubtful}`,
    `delivered ${deliveries}, gaps told ${gaps}, connections ${connections}, redirects ${redirects}`,
  ].join('; ')
}
