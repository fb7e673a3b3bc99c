/** A client of a rival: greets by the script of its dialect, then counts bytes. Every delivery weighs the same. */
import type { RivalDialect } from './rival-dialects.js'
import type { RoomWire } from './room-wire.js'

export class RivalWire implements RoomWire {
  readonly greeting: Buffer
  readonly refusals = 0
  readonly fault = undefined
  isJoined: boolean
  private bytes = 0
  private isCounting = false
  private text = ''
  private readonly steps: ReturnType<RivalDialect['steps']>
  private step = 0

  constructor(
    private readonly dialect: RivalDialect,
    { member, room }: { readonly member: number; readonly room: string },
  ) {
    this.steps = dialect.steps(member, room)
    this.greeting = this.steps[0]?.send ?? Buffer.alloc(0)
    this.isJoined = this.steps[0]?.until === undefined
  }

  get messages(): number {
    return Math.floor(this.bytes / this.dialect.delivery.length)
  }

  read(chunk: Buffer): Buffer | undefined {
    if (this.isCounting) {
      this.bytes += chunk.length
      return undefined
    }
    return this.isJoined ? this.answerPing(chunk) : this.greet(chunk)
  }

  restart(): void {
    this.isCounting = true
    this.bytes = 0
  }

  publication(): Buffer {
    return this.dialect.publication
  }

  private greet(chunk: Buffer): Buffer | undefined {
    this.text += chunk.toString('latin1')
    if (!this.text.includes(this.steps[this.step]?.until ?? '')) return undefined
    this.text = ''
    this.step += 1
    const next = this.steps[this.step]
    this.isJoined = next === undefined
    return next?.send
  }

  private answerPing(chunk: Buffer): Buffer | undefined {
    const { ping } = this.dialect
    return ping !== undefined && chunk.includes(ping.ask) ? ping.answer : undefined
  }
}
