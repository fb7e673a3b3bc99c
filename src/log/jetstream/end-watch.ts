/**
 * Watches that the stream keeps what it has acknowledged. A lone server of NATS that lost its power may come back without
 * the newest records, or somebody has made the stream anew: it then gives numbers a second time, and what this process knows
 * of rooms is wrong. Nothing is appended then, and readiness says so, until the process has begun anew.
 *
 * One answer is not believed: a server that no longer leads, and does not know it yet, says less than there is.
 */
import { Logger } from '@nestjs/common'
import type { Clock } from '../../clock.js'
import type { LogStream } from './log-stream.js'

const CHECK_INTERVAL_MS = 30_000
const SECOND_LOOK_MS = 5_000

interface EndWatchParts {
  readonly stream: LogStream
  readonly clock: Pick<Clock, 'every'>
}

export class EndWatch {
  private readonly logger = new Logger('RoomLog')
  private readonly stops: readonly (() => void)[]
  /** The newest record that is there for sure. */
  private newest = 0
  private lost: string | undefined
  private stopSecondLook: (() => void) | undefined
  private isClosed = false

  constructor(private readonly parts: EndWatchParts) {
    const check = (): void => void this.check()
    this.stops = [parts.clock.every(CHECK_INTERVAL_MS, check), parts.stream.link.onReturn(check)]
  }

  /** A record was acknowledged or seen. */
  note(seq: number): void {
    if (seq > this.newest) this.newest = seq
  }

  fault(): string | undefined {
    return this.lost
  }

  close(): void {
    this.isClosed = true
    this.stopSecondLook?.()
    for (const stop of this.stops) stop()
  }

  private async check(): Promise<void> {
    if (this.lost !== undefined || (await this.loss()) === undefined || this.isClosed) return
    this.stopSecondLook ??= this.parts.clock.every(SECOND_LOOK_MS, () => {
      this.stopSecondLook?.()
      void this.lookAgain()
    })
  }

  private async lookAgain(): Promise<void> {
    const loss = await this.loss()
    this.stopSecondLook = undefined
    if (loss === undefined || this.isClosed) return
    this.lost = loss
    this.logger.error(loss)
  }

  /** What the stream seems to have lost. What cannot be asked now is asked later; sends are refused if NATS is away. */
  private async loss(): Promise<string | undefined> {
    const { newest } = this
    const end = await this.parts.stream.end().catch(() => undefined)
    if (end === undefined || end >= newest) return undefined
    return `NATS has lost records that it had acknowledged: its log ends at ${end}, not at ${newest}; restart this node`
  }
}
