/** Asks a Node server that was started with `settings` how late its event loop was. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const PRELOADED = new URL('load/loop-delay.js', import.meta.url)
const LOOK_MS = 10
const ANSWER_TIMEOUT_MS = 5_000

export class LoopDelayWatch {
  private readonly folder = mkdtempSync(join(tmpdir(), 'nestwire-bench-'))
  private readonly path = join(this.folder, 'loop-delay')

  /** Variables to start the server with. */
  get settings(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import ${PRELOADED.href}`, BENCH_LOOP_DELAY_FILE: this.path }
  }

  /** The longest delay since the last time it was asked, or since the start. */
  async takeMaxMs(pid: number): Promise<number> {
    rmSync(this.path, { force: true })
    process.kill(pid, 'SIGWINCH')
    const deadlineMs = performance.now() + ANSWER_TIMEOUT_MS
    while (performance.now() < deadlineMs) {
      await sleep(LOOK_MS)
      const text = this.read()
      if (text !== '') return Number(text)
    }
    throw new Error('the server does not tell how late its event loop was')
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  private read(): string {
    try {
      return readFileSync(this.path, 'utf8')
    } catch {
      return ''
    }
  }
}
