/**
 * Preloaded into a Node server (`--import`): on SIGUSR2 writes the longest delay of its event loop since the last SIGUSR2,
 * in milliseconds, to the file that BENCH_LOOP_DELAY_FILE names.
 */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1
const NS_PER_MS = 1e6

const path = process.env.BENCH_LOOP_DELAY_FILE
if (path !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  process.on('SIGUSR2', () => {
    writeFileSync(path, String(Math.max(0, delays.max / NS_PER_MS - RESOLUTION_MS)))
    delays.reset()
  })
}
