/**
 * Every change of a bucket, in the order of its revisions: first the last one of each key, then what comes. An ephemeral
 * push consumer; a hole in its count, silence or a new connection begins another one behind the last change. After a long
 * silence the bucket may have forgotten that there was something: then all keys are told again, and what was not is gone.
 */
import { Logger } from '@nestjs/common'
import { AckPolicy, DeliverPolicy, type ConsumerConfig, type JetStreamManager } from '@nats-io/jetstream'
import { createInbox, nanos, type Msg, type Subscription } from '@nats-io/transport-node'
import type { Clock } from '../../clock.js'
import { LogFault, reasonOf } from '../log-fault.js'
import { numbersOfAck } from './ack-subject.js'
import type { NatsLink } from './nats-link.js'
import { onceReady } from './stream-set-up.js'

const HEARTBEAT_MS = 2_000
/** Nothing at all for so long: the consumer is gone. */
const SILENCE_MS = 3 * HEARTBEAT_MS
/** The same while somebody waits. */
const AWAITED_SILENCE_MS = 2 * HEARTBEAT_MS
const CHECK_INTERVAL_MS = 1_000
const FORGOTTEN_AFTER_MS = 30_000
/** Well before marks of removed entries go (`Tombstones`). */
const FORGETFUL_AFTER_MS = 300_000
/** The watch of a healthy bucket is behind by less than a millisecond; one that went silent has begun anew long before. */
const CATCH_UP_TIMEOUT_MS = 10_000

interface WatchParts {
  readonly link: NatsLink
  readonly manager: JetStreamManager
  readonly stream: string
  /** All of the bucket. */
  readonly subjects: string
  readonly clock: Pick<Clock, 'uptimeMs' | 'every'>
  readonly changed: (message: Msg, revision: number) => void
  /** All was told again up to this revision: what is not among these subjects may be gone. If it rejects, all is told anew. */
  readonly reloaded: (subjects: ReadonlySet<string>, revision: number) => Promise<void>
}

interface Waiter {
  readonly revision: number
  readonly untilMs: number
  readonly resolve: () => void
  readonly reject: (error: LogFault) => void
}

export class BucketWatch {
  private readonly logger = new Logger('StateStore')
  private readonly stops: readonly (() => void)[]
  private subscription: Subscription | undefined
  private lastRevision = 0
  /** Subjects that were told since all are told again; `undefined`: they are not. */
  private reload: Set<string> | undefined
  /** The one of them that is, or was, asked about. */
  private judged: ReadonlySet<string> | undefined
  private delivered = 0
  /** How far the bucket went when the consumer began. */
  private startedBehind = 0
  private heardMs: number
  /** Up to then nothing was missed. */
  private wholeMs: number
  private isStarting = false
  private isClosed = false
  private readonly waiters = new Set<Waiter>()
  private resolveLoaded: () => void = () => undefined
  private readonly loaded = new Promise<void>((resolve) => (this.resolveLoaded = resolve))

  private constructor(private readonly parts: WatchParts) {
    const { link, clock } = parts
    this.heardMs = this.wholeMs = clock.uptimeMs()
    this.stops = [link.onReturn(() => this.restart()), clock.every(CHECK_INTERVAL_MS, () => this.check())]
  }

  /** Resolves when every key was told once. Rejects with `StartUpError`. */
  static async open(parts: WatchParts): Promise<BucketWatch> {
    const watch = new BucketWatch(parts)
    await onceReady(parts.stream, () => watch.start())
    await watch.loaded
    return watch
  }

  /** Resolves when all changes up to that revision were told; rejects if that takes too long. */
  reached(revision: number): Promise<void> {
    if (this.lastRevision >= revision) return Promise.resolve()
    const untilMs = this.parts.clock.uptimeMs() + CATCH_UP_TIMEOUT_MS
    return new Promise((resolve, reject) => {
      this.waiters.add({ revision, untilMs, resolve, reject })
      this.check()
    })
  }

  close(): void {
    this.isClosed = true
    this.giveUpWaiting(Infinity)
    for (const stop of this.stops) stop()
    this.subscription?.unsubscribe()
  }

  private async start(): Promise<void> {
    const { link, manager, stream, subjects, clock } = this.parts
    const inbox = createInbox()
    this.subscription?.unsubscribe()
    this.delivered = 0
    const isForgetful = clock.uptimeMs() - this.wholeMs >= FORGETFUL_AFTER_MS
    this.reload = isForgetful || this.reload !== undefined ? new Set() : undefined
    this.heardMs = clock.uptimeMs()
    const subscription = link.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null && this.subscription === subscription) this.take(message)
      },
    })
    this.subscription = subscription
    const config: Partial<ConsumerConfig> = {
      deliver_subject: inbox,
      ack_policy: AckPolicy.None,
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
      ...(this.lastRevision === 0 || this.reload !== undefined
        ? { deliver_policy: DeliverPolicy.LastPerSubject, filter_subject: subjects }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.lastRevision + 1 }),
    }
    this.startedBehind = (await manager.streams.info(stream)).state.last_seq
    const { num_pending, delivered } = await manager.consumers.add(stream, config)
    if (num_pending === 0 && delivered.consumer_seq === 0) this.allTold()
  }

  private take(message: Msg): void {
    this.heardMs = this.parts.clock.uptimeMs()
    if (this.reload === undefined) this.wholeMs = this.heardMs
    const code = message.headers?.code ?? 0
    if (code !== 0) {
      // Flow control wants an answer, in a heartbeat too.
      const reply = message.reply ?? message.headers?.get('Nats-Consumer-Stalled') ?? ''
      if (reply !== '') this.parts.link.connection.publish(reply)
      const last = message.headers?.get('Nats-Last-Consumer') ?? ''
      if (last !== '' && Number(last) !== this.delivered) this.restart()
      return
    }
    const numbers = numbersOfAck(message.reply)
    if (numbers === undefined || numbers.delivered !== this.delivered + 1) return this.restart()
    this.delivered = numbers.delivered
    this.lastRevision = Math.max(this.lastRevision, numbers.seq)
    this.reload?.add(message.subject)
    this.parts.changed(message, numbers.seq)
    if (this.waiters.size > 0) this.serveWaiters()
    // 2.9 goes on counting what was overwritten before it was told, so that `pending` may never come to 0.
    if (numbers.pending === 0 || numbers.seq >= this.startedBehind) this.allTold()
  }

  private allTold(): void {
    this.resolveLoaded()
    if (this.reload !== undefined && this.judged !== this.reload) void this.judge(this.reload)
  }

  private async judge(told: ReadonlySet<string>): Promise<void> {
    this.judged = told
    try {
      await this.parts.reloaded(told, this.lastRevision)
    } catch (error) {
      this.logger.warn(`the state is read again: ${reasonOf(error)}`)
      return this.restart()
    }
    if (this.reload !== told) return
    this.reload = undefined
    this.wholeMs = this.parts.clock.uptimeMs()
  }

  private serveWaiters(): void {
    for (const waiter of this.waiters) {
      if (waiter.revision > this.lastRevision) continue
      this.waiters.delete(waiter)
      waiter.resolve()
    }
  }

  private giveUpWaiting(nowMs: number): void {
    for (const waiter of this.waiters) {
      if (waiter.untilMs > nowMs) continue
      this.waiters.delete(waiter)
      waiter.reject(LogFault.unavailable('changes of other nodes do not arrive', { retryAfterMs: CHECK_INTERVAL_MS }))
    }
  }

  private check(): void {
    const nowMs = this.parts.clock.uptimeMs()
    this.giveUpWaiting(nowMs)
    if (nowMs - this.heardMs >= (this.waiters.size > 0 ? AWAITED_SILENCE_MS : SILENCE_MS)) this.restart()
  }

  private restart(): void {
    if (this.isStarting || this.isClosed || this.parts.link.fault() !== undefined) return
    this.isStarting = true
    this.start()
      .catch((error: unknown) => {
        if (!this.isClosed) this.logger.warn(`the state is not watched, and is tried again: ${reasonOf(error)}`)
      })
      .finally(() => (this.isStarting = false))
  }
}
