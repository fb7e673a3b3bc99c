/** How long, and what may grow by how much over the last third of it. */
import type { SoakOptions } from './run-soak.js'

type Form = Pick<SoakOptions, 'sampleEveryMs' | 'reloadEveryMs' | 'idle' | 'bounds'>

/** Code is still being compiled, and the heap still finds its size: only what grows by the second shows. */
export const SHORT_FORM: Form = {
  sampleEveryMs: 1_000,
  reloadEveryMs: 1_000,
  idle: 50,
  bounds: { memoryMb: 80, handles: 30 },
}

/** Measured over 2 minutes and more. Handles come and go with the visitors. */
export const LONG_FORM: Form = {
  sampleEveryMs: 5_000,
  reloadEveryMs: 10_000,
  idle: 300,
  bounds: { memoryMb: 30, heapMb: 20, handles: 15, sessions: 50, rooms: 2 },
}
