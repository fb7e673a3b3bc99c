/**
 * The servers that Nestwire is measured beside: how each is started and what its clients speak. Those that `npm run
 * bench:setup` could not get are not installed, and empty rows in the tables.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.js'
import { startListening, type Command, type ListeningProcess } from '../listening-process.js'
import type { RivalDialectName } from '../load/rival-dialects.js'

interface Rival {
  readonly dialect: RivalDialectName
  command(port: number): Command
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

export interface RivalProcess extends ListeningProcess {
  readonly dialect: RivalDialectName
}

export interface RivalOptions {
  /** Default: a free one. */
  readonly port?: number
  /** After those of its command. */
  readonly args?: readonly string[]
  /** Variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>
}

export const startRival = (name: RivalName, options?: RivalOptions): Promise<RivalProcess> =>
  start(rivals[name], options)

/** A node of a cluster that is a contestant only with others; it is no rival of a server alone. */
const socketIoNode = nodeRival('socket.io', 'socketio-cluster.mjs', '@socket.io/redis-adapter')
export const isSocketIoNodeInstalled = (): boolean => socketIoNode.isInstalled()
export const startSocketIoNode = (redisPort: number): Promise<RivalProcess> =>
  start(socketIoNode, { args: [String(redisPort)] })

/** Rivals have nothing to save: they need not be told before they are closed. */
async function start(rival: Rival, options: RivalOptions = {}): Promise<RivalProcess> {
  const { port = await freePort(), args = [], env = {} } = options
  const server = await startListening([...rival.command(port), ...args], { port, env })
  return { dialect: rival.dialect, ...server }
}
