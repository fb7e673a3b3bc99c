/** A server that is ended in order and started again in the same place: the same port, the same data folder. */
import { SERVER_SETTINGS } from './contest.js'
import { freePort } from './free-port.js'
import { startRival, type RivalProcess } from './rivals/rivals.js'
import { ServerPlace, type ServerRun } from './server-process.js'
import { OURS } from './suite.js'

export type RestartableName = typeof OURS | 'socket.io'

export interface Ending {
  /** From SIGTERM to the end of the process. */
  readonly drainMs: number
  readonly exitCode: number | null
}

export interface Restartable {
  readonly dialect: 'nestwire' | 'socket.io'
  readonly port: number
  readonly secret: string
  /** Resolves with the process id when it listens. */
  start(): Promise<number>
  /** SIGTERM. */
  end(): Promise<Ending>
  close(): Promise<void>
}

/** `env` goes to each process besides; Socket.IO has its connection state recovery on. */
export const makeRestartable = (name: RestartableName, env: Readonly<Record<string, string>>): Promise<Restartable> =>
  name === OURS ? makeOurs(env) : makeSocketIo(env)

async function makeOurs(env: Readonly<Record<string, string>>): Promise<Restartable> {
  const port = await freePort()
  const place = await ServerPlace.make({ settings: { ...SERVER_SETTINGS, ...env }, port })
  let run: ServerRun | undefined
  return {
    dialect: 'nestwire',
    port,
    secret: place.secret,
    start: async () => {
      run = place.run()
      await run.listening
      return run.pid
    },
    end: () =>
      timed(async () => {
        run?.signal('SIGTERM')
        return (await run?.ended) ?? null
      }),
    close: () => place.close(),
  }
}

async function makeSocketIo(env: Readonly<Record<string, string>>): Promise<Restartable> {
  const port = await freePort()
  let rival: RivalProcess | undefined
  return {
    dialect: 'socket.io',
    port,
    secret: '',
    start: async () => {
      rival = await startRival('socket.io', { port, args: ['--recovery'], env })
      return rival.pid
    },
    end: () => timed(async () => (await rival?.end()) ?? null),
    close: async () => rival?.close(),
  }
}

async function timed(end: () => Promise<number | null>): Promise<Ending> {
  const startMs = performance.now()
  const exitCode = await end()
  return { drainMs: performance.now() - startMs, exitCode }
}
