/** Memory and processor time of another process, from /proc: Linux only. */
import { readFileSync } from 'node:fs'

export interface ProcessUsage {
  readonly rssKb: number
  /** The most it ever was. */
  readonly peakRssKb: number
  /** User and system time so far. */
  readonly cpuMs: number
}

/** The unit of times in /proc: USER_HZ, which is 100 on every Linux there is. */
const MS_PER_TICK = 10

export function readUsage(pid: number): ProcessUsage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the program's name, which may hold spaces; utime and stime are the 14th and 15th.
  const [utime = NaN, stime = NaN] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return { rssKb: kilobytes('VmRSS'), peakRssKb: kilobytes('VmHWM'), cpuMs: (utime + stime) * MS_PER_TICK }
}
