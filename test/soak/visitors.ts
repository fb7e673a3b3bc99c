/** People who come, join, say something and go, all the time, and an idle crowd that only stays. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type ChatClient } from '../../src/client/index.js'

export interface VisitorsOptions {
  readonly port: number
  readonly tokenOf: (user: string) => Promise<string>
  /** Who stays. */
  readonly idle: number
  /** Who come and go, at the same time. */
  readonly visitors: number
}

const STAY_MS = 100
const WORDS = 3
const NAMES = 50
/** Let in at a time. */
const AT_ONCE = 50

export class Visitors {
  /** Who came, said all they had to say, and left. */
  visits = 0
  readonly failures: string[] = []
  private readonly idle: ChatClient[] = []
  private visitings: readonly Promise<void>[] = []
  private areLeaving = false

  constructor(private readonly options: VisitorsOptions) {}

  async come(): Promise<void> {
    const { idle, visitors } = this.options
    for (let from = 0; from < idle; from += AT_ONCE) {
      const count = Math.min(AT_ONCE, idle - from)
      await Promise.all(Array.from({ length: count }, (_, index) => this.settleDown(from + index)))
    }
    this.visitings = Array.from({ length: visitors }, (_, index) => this.keepVisiting(index))
  }

  async leave(): Promise<void> {
    this.areLeaving = true
    await Promise.all(this.visitings)
    await Promise.all(this.idle.map((client) => client.close()))
  }

  private async settleDown(index: number): Promise<void> {
    const client = await this.enter(`idler-${index}`)
    await client.join(`idle-${index % 10}`)
    this.idle.push(client)
  }

  private async keepVisiting(visitor: number): Promise<void> {
    for (let visit = 0; !this.areLeaving; visit += 1) {
      try {
        await this.visit(`visitor-${visitor}-${visit % NAMES}`, `visited-${visitor % 3}`)
        this.visits += 1
      } catch (error) {
        this.failures.push(String(error))
        await sleep(STAY_MS)
      }
    }
  }

  private async visit(user: string, name: string): Promise<void> {
    const client = await this.enter(user)
    try {
      const room = await client.join(name)
      for (let word = 0; word < WORDS; word += 1) await room.publish(`word ${word}`)
      await sleep(STAY_MS)
      await room.leave()
    } finally {
      await client.close()
    }
  }

  private async enter(user: string): Promise<ChatClient> {
    return connect({ port: this.options.port, token: await this.options.tokenOf(user) })
  }
}
