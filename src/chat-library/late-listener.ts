/**
 * A listener with a position of its own, in a room that others read already: it reads what it missed from the history, and
 * goes on with the others at the record where it meets them. Only for the last part of that the room waits for it; while the
 * server refuses to read it does not, since it may take a while.
 */
import { Delay } from '../client/delay.js'
import { ServerError } from '../client/errors.js'
import { judgeRetry } from '../client/retry.js'
import type { RoomItem } from '../client/room-items.js'
import type { Clock } from '../clock.js'
import type { RoomListener } from './room-audience.js'

export type ItemListener = RoomListener & Required<Pick<RoomListener, 'item'>>

interface LateOptions {
  readonly room: string
  /** All that has come up to this seq was told. */
  readonly after: number
  readonly recordsAfter: (seq: number) => AsyncIterable<RoomItem>
  readonly clock: Clock
  /** 0 up to 1. */
  readonly random: () => number
}

export class LateListener implements RoomListener {
  /** `far`: what comes now will be in the history. `near`: what comes waits. `level`: it is taken as it comes. */
  private at: 'far' | 'near' | 'level' = 'far'
  private position: number
  private hasLeft = false
  /** Of another log than was asked for the others are told all, and so is this one from there on. */
  private isAnotherLog = false
  private pause: Delay | undefined
  private release: () => void = () => undefined
  /** Resolves when what waits may go on. */
  private released: Promise<void> = Promise.resolve()

  constructor(
    private readonly listener: ItemListener,
    private readonly options: LateOptions,
  ) {
    this.position = options.after
  }

  item(item: RoomItem): Promise<void> | undefined {
    if (this.at !== 'level' && isAnotherLog(item)) this.stopReading()
    if (this.at === 'near') return this.released.then(() => this.item(item))
    return this.at === 'level' ? this.tell(item) : undefined
  }

  end(error: unknown): void {
    if (this.hasLeft) return
    this.leave()
    this.listener.end(error)
  }

  /**
   * From when the room is joined. A refusal that may pass is waited out, as often as it comes, like a live reading does.
   * Rejects with what kept it from reading.
   */
  async catchUp(): Promise<void> {
    await this.readOn()
    do this.comeNear()
    while (this.isReading && (await this.readOn()) === 'after a refusal')
    this.at = 'level'
    this.release()
  }

  /** The room need not wait any longer. */
  leave(): void {
    this.hasLeft = true
    this.at = 'level'
    this.release()
    this.pause?.cancel()
  }

  private get isReading(): boolean {
    return !this.hasLeft && !this.isAnotherLog
  }

  /** What is being told is told to its end; the room waits for that. */
  private stopReading(): void {
    this.isAnotherLog = true
    this.comeNear()
    this.pause?.cancel()
  }

  private async readOn(): Promise<'at once' | 'after a refusal'> {
    let refusals = 0
    let how: 'at once' | 'after a refusal' = 'at once'
    while (this.isReading) {
      try {
        for await (const item of this.options.recordsAfter(this.position)) {
          if (!this.isReading) break
          refusals = 0
          await this.tell(item)
        }
        break
      } catch (error) {
        how = 'after a refusal'
        await this.waitOut(error, refusals)
        refusals += 1
      }
    }
    return how
  }

  private comeNear(): void {
    if (this.hasLeft || this.at === 'near') return
    this.at = 'near'
    this.released = new Promise((resolve) => (this.release = resolve))
  }

  private async waitOut(error: unknown, refusals: number): Promise<void> {
    if (!this.isReading) return
    const { clock, random } = this.options
    const verdict = error instanceof ServerError ? judgeRetry(error, refusals, random) : { kind: 'stop' as const }
    if (verdict.kind === 'stop') throw error
    this.at = 'far'
    this.release()
    this.pause = new Delay(clock, verdict.delayMs)
    await this.pause.done
  }

  private tell(item: RoomItem): Promise<void> | undefined {
    const missed = this.missedBefore(item)
    const work = missed && this.handOver(missed)
    return work === undefined ? this.handOver(item) : work.then(() => this.handOver(item))
  }

  /** The history did not have it, and the others were not asked for it. */
  private missedBefore(item: RoomItem): RoomItem | undefined {
    const { position } = this
    const to = item.kind === 'gap' ? item.from : item.prev
    if (isAnotherLog(item) || to <= position) return undefined
    return { kind: 'gap', room: this.options.room, from: position, to, reason: 'trimmed' }
  }

  private handOver(item: RoomItem): Promise<void> | undefined {
    const news = this.hasLeft ? undefined : this.newsIn(item)
    if (news === undefined) return undefined
    this.position = news.kind === 'gap' ? news.to : news.seq
    return this.listener.item(news)
  }

  /** The others may be far behind what the history has told: what they miss of that was not missed here. */
  private newsIn(item: RoomItem): RoomItem | undefined {
    const { position } = this
    if (item.kind !== 'gap') return item.seq > position ? item : undefined
    if (isAnotherLog(item)) return item
    return item.to > position ? { ...item, from: Math.max(item.from, position) } : undefined
  }
}

/** Behind such a gap the seqs of before mean nothing. */
const isAnotherLog = (item: RoomItem): boolean =>
  item.kind === 'gap' && (item.reason === 'epochChanged' || item.reason === 'aheadOfLog')
