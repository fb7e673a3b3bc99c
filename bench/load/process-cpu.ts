/** Processor time of another process to the microsecond, all its threads; one that ended is forgotten. Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

export function readCpuUs(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [running] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
    nanoseconds += Number(running)
  }
  return nanoseconds / 1_000
}
