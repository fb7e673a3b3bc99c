/**
 * The servers that Nestwire is measured beside: how each is started and what its clients speak. Those that `npm run
 * bench:setup` could not get are not installed, and empty rows in the tables.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { RivalDialectName } from '../load/rival-dialects.js'

interface Rival {
  readonly dialect: RivalDialectName
  /** Program and arguments. */
  command(port: number): readonly [string, ...string[]]
  isInstalled(): boolean
}

/** Seen from where this is compiled to: `bench/.build/bench/rivals`. */
const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const FLOOR = at('.build/rivals/floor')
const TOKIO = at('.build/rivals/tokio-chat')

const nodeRival = (dialect: RivalDialectName, file: string, dependency?: string): Rival => ({
  dialect,
  command: (port) => [process.execPath, at(`rivals/${file}`), String(port)],
  isInstalled: () => dependency === undefined || existsSync(at(`rivals/node_modules/${dependency}`)),
})

const tokio = (threads: number): Rival => ({
  dialect: 'framed',
  command: (port) => [TOKIO, String(port), String(threads)],
  isInstalled: () => existsSync(TOKIO),
})

const rivals = {
  'c-floor': { dialect: 'framed', command: (port) => [FLOOR, String(port)], isInstalled: () => existsSync(FLOOR) },
  'node-net': nodeRival('framed', 'node-net.mjs'),
  tokio: tokio(2),
  'tokio-1-thread': tokio(1),
  nats: {
    dialect: 'nats',
    command: (port) => ['nats-server', '-a', '127.0.0.1', '-p', String(port), '-c', at('rivals/nats.conf')],
    isInstalled: () => spawnSync('nats-server', ['--version']).status === 0,
  },
  ws: nodeRival('ws', 'ws.mjs', 'ws'),
  'socket.io': nodeRival('socket.io', 'socketio.mjs', 'socket.io'),
  aedes: nodeRival('mqtt', 'aedes.mjs', 'aedes'),
} as const satisfies Record<string, Rival>

export type RivalName = keyof typeof rivals
export const rivalNames = Object.keys(rivals) as RivalName[]
export const isInstalled = (name: RivalName): boolean => rivals[name].isInstalled()

export interface RivalProcess {
  readonly dialect: RivalDialectName
  readonly pid: number
  readonly port: number
  /** SIGTERM; resolves with the exit code, null if the signal ended it. */
  end(): Promise<number | null>
  /** Resolves when the process is gone. */
  close(): Promise<void>
}

export interface RivalOptions {
  /** Default: a free one. */
  readonly port?: number
  /** After those of its command. */
  readonly args?: readonly string[]
  /** Variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>
}

const START_TIMEOUT_MS = 15_000

export async function startRival(name: RivalName, options: RivalOptions = {}): Promise<RivalProcess> {
  const { port = await freePort(), args: more = [], env = {} } = options
  const [program, ...args] = rivals[name].command(port)
  const child = spawn(program, [...args, ...more], { stdio: 'ignore', env: { ...process.env, ...env } })
  const endNow = (): void => void child.kill('SIGKILL')
  process.once('exit', endNow)
  const close = async (): Promise<void> => {
    process.off('exit', endNow)
    await kill(child)
  }
  const end = async (): Promise<number | null> => {
    process.off('exit', endNow)
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await gone) as [number | null]
    return code
  }
  try {
    await untilListening(child, port)
    return { dialect: rivals[name].dialect, pid: child.pid ?? 0, port, end, close }
  } catch (error) {
    await close()
    throw new Error(`${name} does not start`, { cause: error })
  }
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, 'close')
  return port
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS
  for (;;) {
    if (await answers(port)) return
    if (child.exitCode !== null || performance.now() > deadlineMs) throw new Error('nobody listens')
    await sleep(50)
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

/** Rivals have nothing to save. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
