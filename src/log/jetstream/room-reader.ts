/**
 * Reads one subject of the stream from a sequence on, in order: an ephemeral pull consumer with one filter, which a
 * server of 2.9 can do. Goes where it stopped with the next call; the server forgets it when it is not used.
 *
 * Nothing may be skipped: messages are counted by the consumer, and a hole in its count ends the reader.
 */
import { AckPolicy, DeliverPolicy, type ConsumerConfig, type JetStreamManager } from '@nats-io/jetstream'
import { createInbox, nanos, type Msg } from '@nats-io/transport-node'
import { LogFault } from '../log-fault.js'
import { numbersOfAck } from './ack-subject.js'
import type { ReaderStart, StoredMessage } from './log-stream.js'
import type { NatsLink } from './nats-link.js'

/** After this without a call the server forgets the reader. */
const FORGOTTEN_AFTER_MS = 10_000
const PULL_TIMEOUT_MS = 3_000
const MAX_PULL_MESSAGES = 256
/** More than the largest message a server takes by default. */
const MAX_PULL_BYTES = 2 * 1024 * 1024
/** How long one request waits for what is known to be on its way. */
const WAIT_MS = 1_000

interface ReaderParts extends ReaderStart {
  readonly stream: string
  readonly manager: JetStreamManager
  readonly link: NatsLink
}

export class RoomReader {
  /** Messages that the server still had when it was asked last. */
  pending: number
  private delivered = 0
  private isBroken = false

  private constructor(
    private readonly parts: ReaderParts,
    private readonly consumer: string,
    /** Messages of the subject from the start on, when the reader was opened. */
    readonly found: number,
  ) {
    this.pending = found
  }

  static async open(parts: ReaderParts): Promise<RoomReader> {
    const config: Partial<ConsumerConfig> = {
      filter_subject: parts.subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: Math.max(1, parts.from),
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
    }
    const { name, num_pending } = await parts.manager.consumers.add(parts.stream, config)
    return new RoomReader(parts, name, num_pending)
  }

  /** Whether the next call can go on. */
  get isUsable(): boolean {
    return !this.isBroken
  }

  /**
   * At most `max` next messages, none if there are none now. With `isAwaited` one is known to exist, and is waited for:
   * the server that answers may not have it yet.
   */
  async next(max: number, { isAwaited = false }: { isAwaited?: boolean } = {}): Promise<readonly StoredMessage[]> {
    const batch = Math.min(max, MAX_PULL_MESSAGES, this.pending === 0 ? max : this.pending)
    const request = {
      batch: isAwaited && this.pending === 0 ? 1 : batch,
      max_bytes: MAX_PULL_BYTES,
      ...(isAwaited ? { expires: nanos(WAIT_MS) } : { no_wait: true }),
    }
    try {
      return await this.pull(request.batch, JSON.stringify(request))
    } catch (error) {
      this.isBroken = true
      throw error
    }
  }

  /** The server would forget it anyway. */
  close(): void {
    this.isBroken = true
    if (this.parts.link.fault() !== undefined) return
    this.parts.manager.consumers.delete(this.parts.stream, this.consumer).catch(() => undefined)
  }

  private pull(batch: number, request: string): Promise<readonly StoredMessage[]> {
    const { connection } = this.parts.link
    const messages: StoredMessage[] = []
    return new Promise((resolve, reject) => {
      const inbox = createInbox()
      const end = (settle: () => void): void => {
        clearTimeout(timeout)
        subscription.unsubscribe()
        settle()
      }
      const give = (): void => end(() => resolve(messages))
      const fail = (why: string): void => end(() => reject(LogFault.unavailable(`the room could not be read: ${why}`)))
      const timeout = setTimeout(() => fail('no answer'), PULL_TIMEOUT_MS).unref()
      const subscription = connection.subscribe(inbox, {
        callback: (error, message) => {
          if (error !== null) return fail(error.message)
          const code = message.headers?.code ?? 0
          if (code !== 0) return code === 503 ? fail('the reader is gone') : give()
          const read = this.take(message)
          if (read === undefined) return fail('a message is missing')
          if (messages.push(read) === batch) give()
        },
      })
      connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${this.parts.stream}.${this.consumer}`, request, { reply: inbox })
    })
  }

  /** `undefined` if it is not the next one. */
  private take({ reply, data }: Msg): StoredMessage | undefined {
    const ack = numbersOfAck(reply)
    if (ack === undefined || ack.delivered !== this.delivered + 1) return undefined
    this.delivered += 1
    this.pending = ack.pending
    return { seq: ack.seq, payload: data }
  }
}
