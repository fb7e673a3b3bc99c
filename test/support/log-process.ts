/** The room log and its state in a process of their own, whose disk may do as it is told, called across the border. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { Environment } from '../../src/config/load-settings.js'
import type { RoomLogEngine } from '../../src/log/room-log.js'
import type { StateStore } from '../../src/log/state-store.js'

const START = `
import { systemClock } from './clock.js'
import { loadSettings } from './config/load-settings.js'
import { Settings } from './config/settings.js'
import { LmdbRoomLog } from './log/lmdb/lmdb-room-log.js'
const settings = new Settings(loadSettings({}))
const log = await LmdbRoomLog.open({ folder: process.env.LOG_FOLDER, settings, clock: systemClock })
process.on('message', async ({ number, port, name, args }) => {
  const target = port === 'state' ? log.state : log
  try {
    process.send({ number, result: await target[name](...args) })
  } catch (error) {
    process.send({ number, failure: error.failure?.code ?? String(error) })
  }
})
process.send({ number: 0 })
`

type Called<Port, Names extends keyof Port> = {
  readonly [Name in Names]: Port[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never
}

export interface LogProcess {
  readonly log: Called<RoomLogEngine, 'append' | 'head' | 'readAfter' | 'fault' | 'close'>
  readonly state: Called<StateStore, 'get' | 'put' | 'replace' | 'remove'>
  readonly kill: () => Promise<void>
}

interface Answer {
  readonly number: number
  readonly result?: unknown
  readonly failure?: string
}

/** `sources` from `compileSources`. What fails there is rejected here with the name of its code as the message. */
export async function startLogProcess(sources: string, folder: string, env: Environment = {}): Promise<LogProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', START], {
    cwd: sources,
    env: { PATH: process.env['PATH'], LOG_FOLDER: folder, ...env },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close')
  const waiting = new Map<number, (answer: Answer) => void>()
  const answer = (number: number): Promise<Answer> => new Promise((resolve) => waiting.set(number, resolve))
  child.on('message', (message) => {
    // What the program above sends.
    const said = message as Answer
    waiting.get(said.number)?.(said)
    waiting.delete(said.number)
  })
  if ((await Promise.race([answer(0), ended.then(() => undefined)])) === undefined) throw new Error('it did not start')
  let calls = 0
  const remote = (port: string, name: string) =>
    async function call(...args: unknown[]): Promise<unknown> {
      calls += 1
      const answered = answer(calls)
      child.send({ number: calls, port, name, args })
      const { result, failure } = await answered
      if (failure !== undefined) throw new Error(failure)
      return result
    }
  const proxy = (port: string, names: readonly string[]): unknown =>
    Object.fromEntries(names.map((name) => [name, remote(port, name)]))
  return {
    log: proxy('log', ['append', 'head', 'readAfter', 'fault', 'close']) as LogProcess['log'],
    state: proxy('state', ['get', 'put', 'replace', 'remove']) as LogProcess['state'],
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
