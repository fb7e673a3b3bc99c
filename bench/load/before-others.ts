import { setPriority } from 'node:os'

const EAGER = -15

/**
 * For a process that takes times of single messages while others keep both processors busy: without it, what it waits for
 * a processor is told as the server's time. Only root may; anybody else measures without.
 * Tells whether it may: `runsBeforeOthers` in the params of a result.
 */
export function runBeforeOthers(): boolean {
  try {
    setPriority(EAGER)
    return true
  } catch {
    // the figures are higher, in every row
    return false
  }
}
