/**
 * The stream of all rooms, as questions and orders: the ends of a subject, one record, a purge. Knows no rooms.
 * Everything rejects with `LogFault.unavailable`, at once while NATS is away.
 *
 * `last` and `first` may be answered by a server that is a little behind; `lastByLeader` and `stored` are not.
 */
import {
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  DiscardPolicy,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream'
import { millis, nanos } from '@nats-io/transport-node'
import { Logger } from '@nestjs/common'
import type { SettingsValue } from '../../config/settings-schema.js'
import type { Settings } from '../../config/settings.js'
import { StartUpError } from '../../config/start-up-error.js'
import { LogCounters } from '../log-counters.js'
import { LogFault, reasonOf } from '../log-fault.js'
import { KEPT_LONGER_MS, SPARE_MS } from '../recent-ids.js'
import type { NatsLink } from './nats-link.js'
import { RoomReader } from './room-reader.js'
import { RoomSubjects } from './room-subjects.js'
import { ensureStream } from './stream-set-up.js'

const REQUEST_TIMEOUT_MS = 5_000
/** What a record has beside its body, and a publish beside its record. */
const RECORD_RESERVE_BYTES = 1_024
/** The record before the oldest that is shown stays, so that its `prev` is known and its loss is not a guess. */
const KEPT_BEFORE_OLDEST = 1

export interface StoredMessage {
  readonly seq: number
  readonly payload: Uint8Array
}

export interface ReaderStart {
  readonly subject: string
  /** First sequence that may be read. */
  readonly from: number
}

export class LogStream {
  readonly counters = new LogCounters()
  /** The limits that the stream has by now, as text. */
  private broughtTo = ''
  private bringing = Promise.resolve()
  private readonly windowListeners = new Set<(beforeMs: number) => void>()
  private windowMs: number

  private constructor(
    readonly link: NatsLink,
    readonly subjects: RoomSubjects,
    readonly name: string,
    /** When it was made: another stream of this name has other epochs. */
    readonly createdMs: number,
    /** The window in which it was found; `Infinity`: it has just been made. */
    readonly foundDedupWindowMs: number,
    private readonly manager: JetStreamManager,
  ) {
    this.windowMs = foundDedupWindowMs
  }

  /** Makes the stream or checks it. Rejects with `StartUpError`. */
  static async open(link: NatsLink, settings: Settings): Promise<LogStream> {
    const { cluster, log } = settings.current
    checkPayload(link, settings.current)
    const subjects = new RoomSubjects(cluster.name)
    const name = `${cluster.name}-log`
    const manager = await jetstreamManager(link.connection, { checkAPI: false, timeout: REQUEST_TIMEOUT_MS })
    const { info, found } = await ensureStream(manager.streams, {
      name,
      subjects: [subjects.allLogs],
      republish: subjects.republish,
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      num_replicas: cluster.replicas,
      // An acknowledged record goes only by the retention of its room: a full disk refuses what is new, and an age
      // limit would take the newest record of a quiet room, with which its chain of `prev` begins anew.
      discard: DiscardPolicy.New,
      max_age: 0,
      max_bytes: -1,
      max_msgs: -1,
      allow_direct: true,
      deny_purge: false,
      ...liveLimits(log),
    })
    const foundWindowMs = found === undefined ? Infinity : windowMsOf(found)
    const stream = new LogStream(link, subjects, name, Date.parse(info.created), foundWindowMs, manager)
    stream.windowMs = windowMsOf(info.config)
    stream.follow(settings)
    return stream
  }

  /** Within which the stream knows repeats, in the terms of the settings, as it said last: another node may have changed it. */
  get dedupWindowMs(): number {
    return this.windowMs
  }

  /** Calls `listener`, until the returned function is called, when it has another window, with the one that it had before. */
  onDedupWindow(listener: (beforeMs: number) => void): () => void {
    this.windowListeners.add(listener)
    return () => void this.windowListeners.delete(listener)
  }

  /** The newest sequence of all, whether or not the message is still there. */
  async end(): Promise<number> {
    const { state, config } = await this.asking(({ streams }) => streams.info(this.name))
    this.hasWindow(windowMsOf(config))
    return state.last_seq
  }

  /** Sequence of the newest message of the subject; 0: there is none. */
  async last(subject: string): Promise<number> {
    return this.asking(async ({ direct }) => {
      const message = await direct.getMessage(this.name, { last_by_subj: subject })
      return message?.seq ?? 0
    })
  }

  /** As `last`, of all that was acknowledged before; costs the leader more. */
  async lastByLeader(subject: string): Promise<number> {
    return this.asking(async ({ streams }) => {
      const message = await streams.getMessage(this.name, { last_by_subj: subject })
      return message?.seq ?? 0
    })
  }

  /** The oldest message of the subject from this sequence on. */
  async first(subject: string, from: number): Promise<StoredMessage | undefined> {
    return this.asking(async ({ direct }) => {
      const message = await direct.getMessage(this.name, { seq: Math.max(1, from), next_by_subj: subject })
      return message === null ? undefined : { seq: message.seq, payload: message.data }
    })
  }

  async stored(seq: number): Promise<StoredMessage | undefined> {
    return this.asking(async ({ streams }) => {
      const message = await streams.getMessage(this.name, { seq })
      return message === null ? undefined : { seq: message.seq, payload: message.data }
    })
  }

  /** Removes the messages of the subject that are before `seq`. */
  async purgeBefore(subject: string, seq: number): Promise<void> {
    // A server takes a purge before 1 for one without a limit, and removes everything.
    if (seq > 1) await this.purge({ filter: subject, seq })
  }

  async purgeAll(subject: string): Promise<void> {
    await this.purge({ filter: subject })
  }

  /** How many messages each subject has. */
  async countBySubject(): Promise<ReadonlyMap<string, number>> {
    return this.asking(async ({ streams }) => {
      const { state } = await streams.info(this.name, { subjects_filter: this.subjects.allLogs })
      return new Map(Object.entries(state.subjects ?? {}))
    })
  }

  read(start: ReaderStart): Promise<RoomReader> {
    return this.asking(() => RoomReader.open({ ...start, stream: this.name, manager: this.manager, link: this.link }))
  }

  private async purge(what: { readonly filter: string; readonly seq?: number }): Promise<void> {
    const { purged } = await this.asking(({ streams }) => streams.purge(this.name, what))
    this.counters.forgotten += purged
  }

  private follow(settings: Settings): void {
    this.broughtTo = JSON.stringify(liveLimits(settings.current.log))
    settings.onPrepare((next) => {
      checkPayload(this.link, next)
      return Promise.resolve(() => undefined)
    })
    settings.onChange(({ log }) => void (this.bringing = this.bringing.then(() => this.bringTo(liveLimits(log)))))
  }

  /** Never rejects: what NATS did not take is tried again by the next reload. */
  private async bringTo(limits: ReturnType<typeof liveLimits>): Promise<void> {
    if (JSON.stringify(limits) === this.broughtTo) return
    try {
      const { config } = await this.asking(({ streams }) => streams.update(this.name, limits))
      this.hasWindow(windowMsOf(config))
      this.broughtTo = JSON.stringify(limits)
    } catch (error) {
      const reason = reasonOf(error)
      new Logger('RoomLog').error(`stream ${this.name} keeps its limits until a reload that NATS answers: ${reason}`)
    }
  }

  private hasWindow(windowMs: number): void {
    const beforeMs = this.windowMs
    if (windowMs === beforeMs) return
    this.windowMs = windowMs
    for (const listener of this.windowListeners) listener(beforeMs)
  }

  private async asking<Answer>(ask: (manager: JetStreamManager) => Promise<Answer>): Promise<Answer> {
    this.link.refuseWhenAway()
    try {
      return await ask(this.manager)
    } catch (error) {
      throw asFault(error)
    }
  }
}

/** What of a stream is a setting and can change. */
const liveLimits = ({ historyMaxRecords, dedupWindowMs }: SettingsValue['log']) => ({
  max_msgs_per_subject: historyMaxRecords + KEPT_BEFORE_OLDEST,
  duplicate_window: nanos(dedupWindowMs + KEPT_LONGER_MS + SPARE_MS),
})

const windowMsOf = ({ duplicate_window }: Pick<StreamConfig, 'duplicate_window'>): number =>
  millis(duplicate_window) - KEPT_LONGER_MS - SPARE_MS

function checkPayload(link: NatsLink, { transport }: SettingsValue): void {
  const maxPayloadBytes = link.connection.info?.max_payload ?? Infinity
  if (transport.maxMessageBytes + RECORD_RESERVE_BYTES <= maxPayloadBytes) return
  throw new StartUpError(`max_payload of NATS is ${maxPayloadBytes}: too little for NESTWIRE_MAX_MESSAGE_BYTES`)
}

export const asFault = (error: unknown): LogFault =>
  error instanceof LogFault ? error : LogFault.unavailable(`NATS did not answer: ${reasonOf(error)}`, { cause: error })
