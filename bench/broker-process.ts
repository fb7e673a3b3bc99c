/** What the nodes of a cluster meet at: NATS with JetStream for ours, Redis for Socket.IO. Each has a folder of its own. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { startListening, type Command, type ListeningProcess } from './listening-process.js'

export type BrokerName = 'nats' | 'redis'

const programs: Readonly<Record<BrokerName, (port: number, folder: string) => Command>> = {
  nats: (port, folder) => ['nats-server', '-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder],
  // Nothing is saved: it has only to pass on.
  redis: (port, folder) => {
    const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder]
    return ['redis-server', ...place, '--save', '', '--appendonly', 'no']
  },
}

export const isBrokerInstalled = (name: BrokerName): boolean =>
  spawnSync(`${name}-server`, ['--version'], { stdio: 'ignore' }).status === 0

export interface Broker extends Pick<ListeningProcess, 'pid' | 'port'> {
  /** Resolves when the process and its folder are gone. */
  close(): Promise<void>
}

export async function startBroker(name: BrokerName): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), `nestwire-bench-${name}-`))
  const removeNow = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeNow)
  const remove = async (): Promise<void> => {
    process.off('exit', removeNow)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const port = await freePort()
    const server = await startListening(programs[name](port, folder), { port })
    return { pid: server.pid, port, close: () => server.close().then(remove) }
  } catch (error) {
    await remove()
    throw error
  }
}
