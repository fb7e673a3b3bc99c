/**
 * Preloaded into a Node server (`--import`): on SIGWINCH, which Nest leaves alone, writes the longest delay of its event
 * loop since the last one, in milliseconds, to the file that BENCH_LOOP_DELAY_FILE names.
 */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1
const NS_PER_MS = 1e6

const path = process.env.BENCH_LOOP_DELAY_FILE
if (path !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  process.on('SIGWINCH', () => {
    writeFileSync(path, String(Math.max(0, delays.max / NS_PER_MS - RESOLUTION_MS)))
    delays.reset()
  })
}
