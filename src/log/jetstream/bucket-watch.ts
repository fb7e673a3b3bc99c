/**
 * Every change of a bucket, in the order of its revisions: first the last one of each key, then what comes. An ephemeral
 * push consumer; a hole in its count, silence or a new connection begins another one behind the last change.
 */
import { Logger } from '@nestjs/common'
import { AckPolicy, DeliverPolicy, type ConsumerConfig, type JetStreamManager } from '@nats-io/jetstream'
import { createInbox, nanos, type Msg, type Subscription } from '@nats-io/transport-node'
import type { Clock } from '../../clock.js'
import { reasonOf } from '../log-fault.js'
import { numbersOfAck } from './ack-subject.js'
import type { NatsLink } from './nats-link.js'

const HEARTBEAT_MS = 2_000
/** Nothing at all for so long: the consumer is gone. */
const SILENCE_MS = 3 * HEARTBEAT_MS
const CHECK_INTERVAL_MS = 1_000
const FORGOTTEN_AFTER_MS = 30_000

interface WatchParts {
  readonly link: NatsLink
  readonly manager: JetStreamManager
  readonly stream: string
  /** All of the bucket. */
  readonly subjects: string
  readonly clock: Pick<Clock, 'uptimeMs' | 'every'>
  readonly changed: (message: Msg, revision: number) => void
}

export class BucketWatch {
  private readonly logger = new Logger('StateStore')
  private readonly stops: readonly (() => void)[]
  private subscription: Subscription | undefined
  private lastRevision = 0
  private delivered = 0
  private heardMs = 0
  private isStarting = false
  private isClosed = false
  private resolveLoaded: () => void = () => undefined
  private readonly loaded = new Promise<void>((resolve) => (this.resolveLoaded = resolve))

  private constructor(private readonly parts: WatchParts) {
    const { link, clock } = parts
    this.stops = [link.onReturn(() => this.restart()), clock.every(CHECK_INTERVAL_MS, () => this.check())]
  }

  /** Resolves when every key was told once. */
  static async open(parts: WatchParts): Promise<BucketWatch> {
    const watch = new BucketWatch(parts)
    await watch.start()
    await watch.loaded
    return watch
  }

  close(): void {
    this.isClosed = true
    for (const stop of this.stops) stop()
    this.subscription?.unsubscribe()
  }

  private async start(): Promise<void> {
    const { link, manager, stream, subjects, clock } = this.parts
    const inbox = createInbox()
    this.subscription?.unsubscribe()
    this.delivered = 0
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
      ...(this.lastRevision === 0
        ? { deliver_policy: DeliverPolicy.LastPerSubject, filter_subject: subjects }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.lastRevision + 1 }),
    }
    const { num_pending, delivered } = await manager.consumers.add(stream, config)
    if (num_pending === 0 && delivered.consumer_seq === 0) this.resolveLoaded()
  }

  private take(message: Msg): void {
    this.heardMs = this.parts.clock.uptimeMs()
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
    this.lastRevision = numbers.seq
    this.parts.changed(message, numbers.seq)
    if (numbers.pending === 0) this.resolveLoaded()
  }

  private check(): void {
    if (this.parts.clock.uptimeMs() - this.heardMs >= SILENCE_MS) this.restart()
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
