/** The server as a process of its own, which a test may kill, and whose disk may do as it is told. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { issueToken } from '../../src/auth/token-issuer.js'
import type { Environment } from '../../src/config/load-settings.js'
import { ChatUser } from './chat-user.js'

const TEST_SECRET = 'the secret of every test, which is no secret'

/** What `fixtures/disk/slow-disk.c` understands. */
export type DiskCall = 'sync' | 'write' | 'commit'
export type DiskOrder = 'ok' | `hold ${DiskCall}` | `fail ${DiskCall} ${number}` | `tear ${DiskCall} ${number}`

export interface ServerProcess {
  readonly child: ChildProcess
  readonly connect: (user: string) => Promise<ChatUser>
  readonly isReady: () => Promise<boolean>
  /** Resolves with the exit code and what was written to stderr. */
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>
  readonly kill: () => Promise<void>
}

const START = `
import { startApp } from './start-app.js'
const running = await startApp(Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('NESTWIRE_'))))
process.send({ port: running.address.port, httpPort: running.httpAddress.port })
`

/** `sources` from `compileSources`. Resolves once it listens. */
export async function startServerProcess(sources: string, env: Environment): Promise<ServerProcess> {
  const { child, ended } = spawnServer(sources, env)
  const first: unknown = await Promise.race([once(child, 'message').then(([message]) => message as unknown), ended])
  const { port, httpPort } = first as { port?: number; httpPort?: number }
  if (port === undefined) throw new Error(`the server did not start: ${(await ended).stderr}`)
  return {
    child,
    ended,
    connect: async (user) =>
      ChatUser.login(port, await issueToken({ user, role: 'user', ttlSeconds: 60 }, TEST_SECRET)),
    isReady: async () => (await fetch(`http://127.0.0.1:${httpPort}/health/ready`)).ok,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The same, whether it comes up or not. */
export function spawnServer(sources: string, env: Environment): Pick<ServerProcess, 'child' | 'ended'> {
  const own = {
    NESTWIRE_PORT: '0',
    NESTWIRE_HTTP_PORT: '0',
    NESTWIRE_AUTH_SECRET: TEST_SECRET,
  }
  const child = spawn(process.execPath, ['--input-type=module', '-e', START], {
    cwd: sources,
    env: { PATH: process.env['PATH'], NESTWIRE_LOG_LEVEL: 'fatal', ...own, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const stderr = child.stderr === null ? '' : text(child.stderr)
  const ended = once(child, 'close').then(async ([code]) => ({ code: code as number | null, stderr: await stderr }))
  return { child, ended }
}

/** A disk that a test gives orders to: the shared library that carries them out, compiled here. */
export class OrderedDisk {
  private constructor(private readonly folder: string) {}

  static async make(): Promise<OrderedDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'nestwire-disk-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const source = fileURLToPath(new URL('../fixtures/disk/slow-disk.c', import.meta.url))
    const compiled = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', join(folder, 'disk.so'), source, '-ldl'])
    expect(compiled.stderr.toString()).toBe('')
    const disk = new OrderedDisk(folder)
    await disk.order('ok')
    return disk
  }

  get env(): Environment {
    return { LD_PRELOAD: join(this.folder, 'disk.so'), DISK_ORDERS: join(this.folder, 'orders') }
  }

  /** In force from the next call on. */
  async order(order: DiskOrder): Promise<void> {
    const next = join(this.folder, 'next')
    await rm(join(this.folder, 'orders.held'), { force: true })
    await writeFile(next, order)
    await rename(next, join(this.folder, 'orders'))
  }

  /** Resolves when a call has come and waits. */
  async holds(): Promise<void> {
    await expect.poll(() => existsSync(join(this.folder, 'orders.held'))).toBe(true)
  }
}
