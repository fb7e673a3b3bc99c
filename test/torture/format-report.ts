/** A run in a few lines, for people. */
import type { TortureReport } from './run-torture.js'
import { violationKinds } from './violation.js'

export function formatReport(report: TortureReport): string {
  const { seed, seconds, clients, rooms, kills, killsDuringStart, killsDuringDrain } = report
  const { restartMsMax, figures, violations } = report
  const { sent, sentAgain, acknowledged, repeatsRecognised, refused, doubtful } = figures
  const { deliveries, connections, roomsResumedWhole, roomsResumedWithGap, gaps, recordsRead } = figures
  return [
    `seed ${seed}: ${clients} clients in ${rooms} rooms, ${seconds} s`,
    `killed ${kills} times, ${killsDuringStart} of them while starting, ${killsDuringDrain} while draining`,
    `listening again after ${restartMsMax} ms at most`,
    `sent ${sent}, acknowledged ${acknowledged}, refused ${refused}, in doubt ${doubtful}`,
    `sent again ${sentAgain}, of which the log had ${repeatsRecognised} already`,
    `connections ${connections}, rooms resumed whole ${roomsResumedWhole}, with a gap ${roomsResumedWithGap}`,
    `delivered ${deliveries}, gaps told ${gaps}, read from the log afterwards ${recordsRead}`,
    `violations ${violations.length}`,
    ...violations.map(({ kind, details }) => `  ${kind} (${violationKinds[kind]}): ${details}`),
  ].join('\n')
}
