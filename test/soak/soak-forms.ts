/** How often it is looked at, and what may grow by how much over the last third. */
import type { SoakOptions } from './run-soak.js'

type Form = Pick<SoakOptions, 'sampleEveryMs' | 'reloadEveryMs' | 'idle' | 'bounds'>

/**
 * For 2 minutes, of which the last 40 s are judged. Beside six other things that kept two cores busy a server grew by 0.6 MB and
 * 0.3 handles; one that kept 2 MB and a descriptor of every eighth connection, of 24 a second, by 229 MB and 114 handles.
 */
export const SHORT_FORM: Form = {
  sampleEveryMs: 1_000,
  reloadEveryMs: 1_000,
  idle: 50,
  bounds: { memoryMb: 20, handles: 8, sessions: 15 },
}
/** With fewer such a leak would stay within the bounds. */
export const LEAST_VISITS = 300

/** Measured over 2 minutes and more. Handles come and go with the visitors. */
export const LONG_FORM: Form = {
  sampleEveryMs: 5_000,
  reloadEveryMs: 10_000,
  idle: 300,
  bounds: { memoryMb: 30, heapMb: 20, handles: 15, sessions: 50, rooms: 2 },
}
