/** One authenticated connection, in no room, that sends PING at a steady pace. It ends with the connection. */
import { issueToken } from '../../src/auth/token-issuer.js'
import { withDefaults } from '../../src/client/connection-options.js'
import { NestwireError } from '../../src/client/errors.js'
import { shakeHands } from '../../src/client/handshake.js'
import type { Wire, WireListener } from '../../src/client/wire.js'
import { answerQuestions } from './answer-questions.js'
import { runBeforeOthers } from './before-others.js'
import { RoundTrips, type Pace, type RoundTripTimes } from './round-trips.js'

const TOKEN_TTL_SECONDS = 3600

const trips = new RoundTrips()
let wire: Wire | undefined

const listener: WireListener = {
  onPacket: (packet) => {
    if (packet.kind === 'pong') trips.cameBack(packet.correlation)
  },
  onLost: (error) => {
    console.error(error)
    process.exit(1)
  },
}

async function connect({ port, secret }: { readonly port: number; readonly secret: string }): Promise<void> {
  const token = await issueToken({ user: 'pinger', role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, secret)
  wire = await new Promise<Wire>((resolve, reject) => {
    shakeHands({ ...withDefaults({ port }), token }, (outcome) => {
      if (outcome instanceof NestwireError) return reject(outcome)
      outcome.wire.listener = listener
      resolve(outcome.wire)
    })
  })
}

/** From PING to PONG. */
async function ping(pace: Pace): Promise<RoundTripTimes> {
  const from = wire
  if (from === undefined) throw new Error('not connected')
  return trips.run(pace, (correlation) => from.sendControl({ kind: 'ping', correlation }))
}

const isBeforeOthers = runBeforeOthers()
const runsBeforeOthers = (): boolean => isBeforeOthers

const program = { connect, ping, runsBeforeOthers }
export type PingerProgram = typeof program
answerQuestions(program)
