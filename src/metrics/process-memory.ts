/** What the process takes of memory that nobody can take back, and how much of it there is. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

/** Bytes. Without the pages of files, such as the store, that the system may drop and read again; where it does not tell these apart (not Linux), with them. */
export function ownMemoryBytes(): number {
  try {
    const kibibytes = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    if (kibibytes !== undefined) return Number(kibibytes) * 1024
  } catch {
    // then all of it
  }
  return process.memoryUsage.rss()
}

/** Bytes: of the container or unit, if it has a limit, else of the machine. Who takes more is killed. */
export function memoryLimitBytes(): number {
  // 0 and what is beyond any machine stand for no limit.
  return Math.min(process.constrainedMemory() || Infinity, totalmem())
}
