/**
 * One process a folder. Whoever has or wants the folder listens on a socket of its own in it; who then finds nobody
 * else alive has it. A socket ends with its process, however that ends, so nothing has to be cleared by hand and no
 * process number is trusted. It works across containers that share the folder; not across machines.
 *
 * Never two owners: of two who start at once, the one who looks around later hears the other listen. Both may hear each
 * other; they step back and try again after different times. Names are never used twice, so a dead one can be removed.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StartUpError } from '../../config/start-up-error.js'

const SOCKET_NAME = /^lock-[0-9a-f]{12}\.sock$/
/** What macOS takes, the least; Linux takes 107. */
const MAX_SOCKET_PATH_BYTES = 103
const ATTEMPTS = 6
const MIN_PAUSE_MS = 20
const MAX_PAUSE_MS = 120

export class DirectoryLock {
  private constructor(private readonly server: Server) {}

  /** Rejects with `StartUpError` if another process has `folder`, or if no socket can be made in it. */
  static async acquire(folder: string): Promise<DirectoryLock> {
    for (let attempt = 1; ; attempt += 1) {
      const name = `lock-${randomBytes(6).toString('hex')}.sock`
      const lock = new DirectoryLock(await listen(socketPath(folder, name)))
      const isAlone = await lock.isAlone(folder, name).catch(async (error: unknown) => {
        await lock.release()
        throw error
      })
      if (isAlone) return lock
      await lock.release()
      if (attempt === ATTEMPTS) break
      await delay(randomInt(MIN_PAUSE_MS, MAX_PAUSE_MS))
    }
    throw new StartUpError(`another process is using ${folder} (NESTWIRE_DATA_DIR): stop it, or choose another folder`)
  }

  /** Idempotent; removes the socket, too. */
  release(): Promise<void> {
    return new Promise((done) => this.server.close(() => done()))
  }

  private async isAlone(folder: string, ownName: string): Promise<boolean> {
    for (const name of await readdir(folder)) {
      if (name === ownName || !SOCKET_NAME.test(name)) continue
      const path = socketPath(folder, name)
      if (await isAlive(path)) return false
      await rm(path, { force: true })
    }
    return true
  }
}

function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).unref()
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(path, () => done(server))
  })
}

/** Only a refusal is a proof of death: a busy or hung process still lives. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      answer(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      answer(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')
    })
  })
}

function socketPath(folder: string, name: string): string {
  const absolute = resolve(folder, name)
  const fromHere = join('.', relative(process.cwd(), absolute))
  const path = fromHere.length < absolute.length ? fromHere : absolute
  const excess = Buffer.byteLength(path) - MAX_SOCKET_PATH_BYTES
  if (excess > 0) throw new StartUpError(`NESTWIRE_DATA_DIR is ${excess} bytes too long for the lock of the room log`)
  return path
}
