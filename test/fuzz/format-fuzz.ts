/** A run in a few lines, for people. */
import type { FuzzReport } from './run-fuzz.js'

export function formatFuzz({
  seed,
  seconds,
  sessions,
  bytes,
  told,
  honest,
  before,
  after,
  faults,
}: FuzzReport): string {
  const held = ({ memoryMb, handles }: FuzzReport['after']): string => `${memoryMb.toFixed()} MB, ${handles} handles`
  return [
    `seed ${seed}: ${sessions} sessions, ${(bytes / 2 ** 20).toFixed(1)} MiB sent, ${seconds} s`,
    `told: ${told}`,
    `the server held ${held(before)} after the first quarter, ${held(after)} when all were gone`,
    `the honest pair: ${honest.receipts} receipts, p99 ${honest.p99Ms.toFixed(1)} ms, ${honest.mistakes} mistakes`,
    `faults ${faults.length}`,
    ...faults.map((fault) => `  ${fault}`),
  ].join('\n')
}
