/** Connections that come, are welcomed, and go: HELLO → WELCOME over a new socket each time, many at once. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { PROTOCOL_VERSION } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { answerQuestions } from './answer-questions.js'
import { monotonicMs } from './monotonic-ms.js'

export interface GreetOrder {
  readonly port: number
  readonly how: 'plain' | 'full' | 'resumed'
  readonly ca: string
  readonly connections: number
  readonly atOnce: number
}

const HELLO = encodePacket({
  kind: 'hello',
  minVersion: PROTOCOL_VERSION,
  maxVersion: PROTOCOL_VERSION,
  features: 0,
  agent: 'nestwire-bench',
})
const HOST = '127.0.0.1'

/** Answers how long all of them took. */
async function greet(order: GreetOrder): Promise<{ readonly elapsedMs: number }> {
  const session = order.how === 'resumed' ? await firstSession(order) : undefined
  let left = order.connections
  const greetNext = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      const socket = open(order, session)
      await welcomed(socket)
      if (session !== undefined && !(socket as TLSSocket).isSessionReused()) throw new Error('nothing was resumed')
      socket.destroy()
    }
  }
  const startMs = monotonicMs()
  await Promise.all(Array.from({ length: order.atOnce }, greetNext))
  return { elapsedMs: monotonicMs() - startMs }
}

function open({ port, how, ca }: GreetOrder, session: Buffer | undefined): Socket {
  if (how === 'plain') return connect({ host: HOST, port, noDelay: true })
  return connectTls({ host: HOST, port, ca, ...(session === undefined ? {} : { session }) }).setNoDelay(true)
}

/** Resolves with the first bytes of the server. */
function welcomed(socket: Socket): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server hung up')))
    socket.write(HELLO)
  })
}

async function firstSession(order: GreetOrder): Promise<Buffer> {
  const socket = open({ ...order, how: 'full' }, undefined)
  const session = new Promise<Buffer>((resolve) => socket.once('session', resolve))
  await welcomed(socket)
  const bytes = await session
  socket.destroy()
  return bytes
}

const program = { greet }
export type GreeterProgram = typeof program
answerQuestions(program)
