/** The real server, as `npm start` runs it: on free ports, with a data folder and a secret of its own. Ends what it started. */
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

const MAIN = new URL('../src/main.js', import.meta.url).pathname
const START_TIMEOUT_MS = 30_000
/** A little more than the server's own drain deadline. */
const STOP_TIMEOUT_MS = 30_000
/** The first line of the banner. */
const LISTENING = /listens on nestwire:\/\/\S+:(\d+),/

/** `settings`: NESTWIRE_ variables beside those this sets; none of this process's own reach the server. */
export async function startServer(settings: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nestwire-bench-'))
  const secret = randomBytes(32).toString('hex')
  const child = spawn(process.execPath, [MAIN], {
    // Not where a `.env` might be.
    cwd: dataDir,
    env: {
      ...environmentWithoutSettings(),
      NESTWIRE_PORT: '0',
      NESTWIRE_HTTP_PORT: '0',
      NESTWIRE_DATA_DIR: dataDir,
      NESTWIRE_AUTH_SECRET: secret,
      NESTWIRE_LOG_LEVEL: 'warn',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const endNow = (): void => {
    child.kill('SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  }
  process.once('exit', endNow)
  const close = async (): Promise<void> => {
    await terminate(child)
    process.off('exit', endNow)
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    return { pid: child.pid ?? 0, port: await readPort(child), secret, close }
  } catch (error) {
    await close()
    throw error
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
