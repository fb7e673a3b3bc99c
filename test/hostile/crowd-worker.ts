/**
 * The honest, in a process of their own, so that what they see is the server's doing and not the attacker's: a room whose
 * members talk in turn, and each notes how long every message took to reach it.
 */
import { answerQuestions } from '../../bench/load/answer-questions.js'
import { percentile, Samples } from '../../bench/statistics.js'
import { connect, type ChatClient, type ConnectionStatus, type Room } from '../../src/client/index.js'

export interface CrowdPlace {
  readonly port: number
  /** Of a server that speaks TLS; PEM. */
  readonly ca?: string | undefined
  readonly room: string
  /** One for each member. */
  readonly tokens: readonly string[]
  readonly messagesPerSecond: number
}

export interface CrowdFigures {
  readonly receipts: number
  /** From publishing to the receipt by a member. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Receipts that never came, or came twice. */
  readonly mistakes: number
  /** Messages without an ACK. */
  readonly refused: number
  /** Connections that ended. */
  readonly interruptions: number
}

/** For what is on its way when the figures are asked for. */
const PATIENCE_MS = 15_000
const LOOK_MS = 5

class HonestCrowd {
  private readonly samples = new Samples()
  private clients: readonly ChatClient[] = []
  private rooms: readonly Room[] = []
  private everyMs = 0
  private timer: NodeJS.Timeout | undefined
  private published = 0
  private settled = 0
  private refused = 0
  private interruptions = 0

  async enter({ port, ca, room, tokens, messagesPerSecond }: CrowdPlace): Promise<void> {
    const tls = ca === undefined ? undefined : { ca }
    this.clients = await Promise.all(tokens.map((token) => connect({ port, token, tls })))
    for (const client of this.clients) client.onStatus((status) => this.note(status))
    this.rooms = await Promise.all(this.clients.map((client) => client.join(room)))
    for (const one of this.rooms) void this.listen(one)
    this.everyMs = 1_000 / messagesPerSecond
    this.talk()
  }

  /** Of what was said since the last time; nothing is said while the last of it is awaited. */
  async figures(): Promise<CrowdFigures> {
    clearInterval(this.timer)
    const deadlineMs = performance.now() + PATIENCE_MS
    while (!this.isComplete && performance.now() < deadlineMs) await new Promise((go) => setTimeout(go, LOOK_MS))
    const { samples, published, refused, interruptions } = this
    const expected = (published - refused) * this.rooms.length
    const figures = {
      receipts: samples.length,
      p50Ms: percentile(samples.all, 0.5),
      p99Ms: percentile(samples.all, 0.99),
      maxMs: percentile(samples.all, 1),
      mistakes: Math.abs(expected - samples.length),
      refused,
      interruptions,
    }
    samples.clear()
    ;[this.published, this.settled, this.refused, this.interruptions] = [0, 0, 0, 0]
    this.talk()
    return figures
  }

  leave(): void {
    clearInterval(this.timer)
    for (const client of this.clients) void client.close()
  }

  private get isComplete(): boolean {
    const { published, settled, refused, samples } = this
    return settled === published && samples.length >= (published - refused) * this.rooms.length
  }

  private talk(): void {
    this.timer = setInterval(() => this.say(), this.everyMs)
  }

  private note(status: ConnectionStatus): void {
    if (status !== 'connected') this.interruptions += 1
  }

  private say(): void {
    const room = this.rooms[this.published % this.rooms.length]
    if (room === undefined) return
    this.published += 1
    const answered = (): void => void (this.settled += 1)
    room.publish(String(performance.now())).then(answered, () => {
      this.refused += 1
      answered()
    })
  }

  private async listen(room: Room): Promise<void> {
    for await (const item of room) {
      if (item.kind === 'text') this.samples.add(performance.now() - Number(item.body.toString()))
    }
  }
}

const crowd = new HonestCrowd()
const program = {
  enter: (place: CrowdPlace) => crowd.enter(place),
  figures: () => crowd.figures(),
  leave: () => crowd.leave(),
} as const
export type CrowdProgram = typeof program

answerQuestions(program)
