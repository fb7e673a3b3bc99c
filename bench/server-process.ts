/**
 * The real server, as `npm start` runs it: with a data folder and a secret of its own. `startServer` for one that runs
 * once, on free ports; `ServerPlace` for one process after the other in the same place. Both end what they started.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface ServerProcess {
  readonly pid: number
  readonly port: number
  /** Signs tokens that it accepts. */
  readonly secret: string
  /** Resolves when the process has drained and its folder is gone. */
  close(): Promise<void>
}

export interface PlaceOptions {
  /** The compiled `main.js`; default: the one this was compiled with. */
  readonly main?: string
  /** NESTWIRE_ variables beside those this sets; none of this process's own reach the server. */
  readonly settings?: Readonly<Record<string, string>>
  /** 0: a free one each time. */
  readonly port: number
}

/** One process. It may be ended before it listens. */
export interface ServerRun {
  readonly pid: number
  /** Rejects if the process ends first, or says nothing for too long. */
  readonly listening: Promise<number>
  /** The exit code; null after a signal that ended it. */
  readonly ended: Promise<number | null>
  signal(name: NodeJS.Signals): void
}

const MAIN = new URL('../src/main.js', import.meta.url).pathname
const START_TIMEOUT_MS = 30_000
/** A little more than the server's own drain deadline. */
const STOP_TIMEOUT_MS = 30_000
/** The first line of the banner. */
const LISTENING = /listens on nestwires?:\/\/\S+:(\d+),/
/** `settings`: NESTWIRE_ variables beside those this sets. */
export async function startServer(settings: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const place = await ServerPlace.make({ settings, port: 0 })
  const close = (): Promise<void> => place.close()
  try {
    const { pid, listening } = place.run()
    return { pid, port: await listening, secret: place.secret, close }
  } catch (error) {
    await close()
    throw error
  }
}

export class ServerPlace {
  readonly secret = randomBytes(32).toString('hex')
  private child: ChildProcess | undefined
  private readonly endNow = (): void => {
    this.child?.kill('SIGKILL')
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  private constructor(
    private readonly options: PlaceOptions,
    private readonly dataDir: string,
  ) {
    process.once('exit', this.endNow)
  }

  static async make(options: PlaceOptions): Promise<ServerPlace> {
    return new ServerPlace(options, await mkdtemp(join(tmpdir(), 'nestwire-bench-')))
  }

  /** The next process; the one before must have ended. */
  run(): ServerRun {
    const { main = MAIN, settings = {}, port } = this.options
    const child = spawn(process.execPath, [main], {
      // Not where a `.env` might be.
      cwd: this.dataDir,
      env: {
        ...environmentWithoutSettings(),
        NESTWIRE_PORT: String(port),
        NESTWIRE_HTTP_PORT: '0',
        NESTWIRE_DATA_DIR: this.dataDir,
        NESTWIRE_AUTH_SECRET: this.secret,
        NESTWIRE_LOG_LEVEL: 'warn',
        NESTWIRE_LOG_JSON: 'false',
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.child = child
    const listening = readPort(child)
    // Whoever ends it early does not wait for this.
    listening.catch(() => undefined)
    const ended = once(child, 'exit').then(([code]) => code as number | null)
    return { pid: child.pid ?? 0, listening, ended, signal: (name) => void child.kill(name) }
  }

  /** Resolves when the last process has drained and the folder is gone. */
  async close(): Promise<void> {
    if (this.child !== undefined) await terminate(this.child)
    process.off('exit', this.endNow)
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

async function readPort(child: ChildProcess): Promise<number> {
  const stdout = child.stdout
  if (stdout === null) throw new Error('the server has no stdout')
  const timer = setTimeout(() => stdout.destroy(), START_TIMEOUT_MS)
  try {
    for await (const line of createInterface({ input: stdout })) {
      const port = LISTENING.exec(line)?.[1]
      if (port !== undefined) return Number(port)
    }
    throw new Error('the server ended, or said nothing, before it listened')
  } finally {
    clearTimeout(timer)
  }
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  child.kill('SIGTERM')
  await gone
  clearTimeout(timer)
}

const environmentWithoutSettings = (): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NESTWIRE_')))
