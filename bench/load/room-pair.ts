/** A room of two: one publishes at a steady pace, the other receives. Any failure ends the process. */
import { setTimeout as sleep } from 'node:timers/promises'
import { issueToken } from '../../src/auth/token-issuer.js'
import { ClientConnection } from '../../src/client/client-connection.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { percentile, Samples } from '../statistics.js'
import { answerQuestions } from './answer-questions.js'
import { runBeforeOthers } from './before-others.js'
import { indexOfMessage, numberedMessage } from './numbered-message.js'
import { RoundTrips, type Pace, type RoundTripTimes } from './round-trips.js'

const ROOM = 'pair'
const TOKEN_TTL_SECONDS = 3600

interface Address {
  readonly port: number
  readonly secret: string
}

export interface Rate {
  readonly perSecond: number
  readonly durationMs: number
}

export interface ExchangeTimes {
  /** From publishing to the acknowledgement. */
  readonly ackMsP50: number
  readonly ackMsP99: number
  /** From publishing to the other's receipt. */
  readonly deliverMsP50: number
  readonly deliverMsP99: number
}

const trips = new RoundTrips()
let hear = (index: number): void => trips.cameBack(index)
let speaker: ClientConnection | undefined

async function join(address: Address): Promise<void> {
  const listener = await enter(address, 'listener')
  listener.handlers = {
    onDeliver: ({ records }) => {
      for (const { kind, body } of records) if (kind === RecordKind.Text) hear(indexOfMessage(body))
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

/** Messages of the pair alone, so many a second whatever the answers. */
async function exchange({ perSecond, durationMs }: Rate): Promise<ExchangeTimes> {
  const from = speaker
  if (from === undefined) throw new Error('nobody to speak')
  const total = Math.floor((perSecond * durationMs) / 1_000)
  const sentAtMs = new Float64Array(total)
  const [acks, deliveries] = [new Samples(), new Samples()]
  const allHeard = new Promise<void>((resolve) => {
    hear = (index) => {
      deliveries.add(performance.now() - (sentAtMs[index] ?? NaN))
      if (deliveries.length === total) resolve()
    }
  })
  const say = async (index: number): Promise<void> => {
    const startMs = performance.now()
    sentAtMs[index] = startMs
    await from.publish(ROOM, numberedMessage(index))
    acks.add(performance.now() - startMs)
  }
  const startMs = performance.now()
  const answers: Promise<void>[] = []
  while (answers.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - startMs) * perSecond) / 1_000))
    while (answers.length < due) answers.push(say(answers.length))
    await sleep(1)
  }
  await Promise.all([...answers, allHeard])
  hear = (index) => trips.cameBack(index)
  return {
    ackMsP50: percentile(acks.all, 0.5),
    ackMsP99: percentile(acks.all, 0.99),
    deliverMsP50: percentile(deliveries.all, 0.5),
    deliverMsP99: percentile(deliveries.all, 0.99),
  }
}

function fail(error: unknown): void {
  console.error(error)
  process.exit(1)
}

const isBeforeOthers = runBeforeOthers()
const runsBeforeOthers = (): boolean => isBeforeOthers

const program = { join, talk, exchange, runsBeforeOthers }
export type RoomPairProgram = typeof program
answerQuestions(program)
