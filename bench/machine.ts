import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** What the figures were measured on; figures of two machines are not comparable, ratios nearly are. */
export const describeMachine = (): Readonly<Record<string, string | number>> => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryMb: Math.round(totalmem() / 2 ** 20),
  system: `${type()} ${release()}`,
  node: process.version,
})
