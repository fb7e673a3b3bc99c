import { randomBytes } from 'node:crypto'
import { WorkerProcess } from '../../worker-process.js'
import type { NaiveServerProgram } from './naive-server.js'

export interface NaiveProcess {
  readonly dialect: 'nestwire'
  readonly pid: number
  readonly port: number
  /** Signs tokens that it accepts. */
  readonly secret: string
  close(): Promise<void>
}

export async function startNaive(): Promise<NaiveProcess> {
  const server = new WorkerProcess<NaiveServerProgram>('../rivals/naive/naive-server')
  const secret = randomBytes(32).toString('hex')
  return { dialect: 'nestwire', secret, ...(await server.ask('listen', { secret })), close: () => server.stop() }
}
