/** A room of two: one publishes at a steady pace, the other receives. Any failure ends the process. */
import { issueToken } from '../../src/auth/token-issuer.js'
import { ClientConnection } from '../../src/client/client-connection.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { answerQuestions } from './answer-questions.js'
import { indexOfMessage, numberedMessage } from './numbered-message.js'
import { RoundTrips, type Pace, type RoundTripTimes } from './round-trips.js'

const ROOM = 'pair'
const TOKEN_TTL_SECONDS = 3600

interface Address {
  readonly port: number
  readonly secret: string
}

const trips = new RoundTrips()
let speaker: ClientConnection | undefined

async function join(address: Address): Promise<void> {
  const listener = await enter(address, 'listener')
  listener.handlers = {
    onDeliver: ({ records }) => {
      for (const { kind, body } of records) if (kind === RecordKind.Text) trips.cameBack(indexOfMessage(body))
    },
    onClosed: fail,
  }
  speaker = await enter(address, 'speaker')
}

async function enter({ port, secret }: Address, user: string): Promise<ClientConnection> {
  const token = await issueToken({ user, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, secret)
  const connection = await ClientConnection.open({ port, token })
  await connection.join(ROOM)
  return connection
}

/** From publishing to the other's receipt. */
async function talk(pace: Pace): Promise<RoundTripTimes> {
  const from = speaker
  if (from === undefined) throw new Error('nobody to speak')
  return trips.run(pace, (number) => void from.publish(ROOM, numberedMessage(number)).catch(fail))
}

function fail(error: unknown): void {
  console.error(error)
  process.exit(1)
}

const program = { join, talk }
export type RoomPairProgram = typeof program
answerQuestions(program)
