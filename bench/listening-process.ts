/** A program that listens on a port of this machine. It ends with this process, or when told to. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ListeningProcess {
  readonly pid: number
  readonly port: number
  /** SIGTERM; resolves with the exit code, null if the signal ended it. */
  end(): Promise<number | null>
  /** SIGKILL; resolves when the process is gone. */
  close(): Promise<void>
}

export interface ListeningOptions {
  readonly port: number
  /** Variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>
}

/** Program and arguments. */
export type Command = readonly [string, ...string[]]

const START_TIMEOUT_MS = 15_000

/** Resolves when it listens; rejects if it ends first, or does not for too long. */
export async function startListening(
  command: Command,
  { port, env = {} }: ListeningOptions,
): Promise<ListeningProcess> {
  const [program, ...args] = command
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...env } })
  const endNow = (): void => void child.kill('SIGKILL')
  process.once('exit', endNow)
  const endWith = async (signal: NodeJS.Signals): Promise<number | null> => {
    process.off('exit', endNow)
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const gone = once(child, 'exit')
    child.kill(signal)
    const [code] = (await gone) as [number | null]
    return code
  }
  const close = async (): Promise<void> => void (await endWith('SIGKILL'))
  try {
    await untilListening(child, port)
    return { pid: child.pid ?? 0, port, end: () => endWith('SIGTERM'), close }
  } catch (error) {
    await close()
    throw new Error(`${program} does not start`, { cause: error })
  }
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
