/** What a process holds, from /proc: Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessHolds {
  /** Memory of its own: no pages of files, which an embedded store maps and the kernel takes back as it likes. */
  readonly memoryMb: number
  readonly rssMb: number
  /** Open files and sockets. */
  readonly handles: number
}

const LOOK_MS = 50

export function readHolds(pid: number): ProcessHolds {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  return { memoryMb: megabytes('RssAnon'), rssMb: megabytes('VmRSS'), handles: readdirSync(`/proc/${pid}/fd`).length }
}

/** Looks at the memory over and over. */
export class MemoryPeak {
  private peakMb: number
  private readonly timer: NodeJS.Timeout

  constructor(private readonly pid: number) {
    this.peakMb = readHolds(pid).memoryMb
    this.timer = setInterval(() => this.look(), LOOK_MS)
  }

  /** The most that was seen. */
  take(): number {
    clearInterval(this.timer)
    this.look()
    return this.peakMb
  }

  private look(): void {
    try {
      this.peakMb = Math.max(this.peakMb, readHolds(this.pid).memoryMb)
    } catch {
      // It has ended, which others tell.
    }
  }
}
