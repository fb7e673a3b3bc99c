/**
 * The stream of all rooms, as questions and orders: the ends of a subject, one record, a purge. Knows no rooms.
 * Everything rejects with `LogFault.unavailable`, at once while NATS is away.
 *
 * `last` and `first` may be answered by a server that is a little behind; `stored` is answered by the leader.
 */
import {
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  DiscardPolicy,
  type JetStreamManager,
} from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import type { Settings } from '../../config/settings.js'
import { StartUpError } from '../../config/start-up-error.js'
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
  private constructor(
    readonly link: NatsLink,
    readonly subjects: RoomSubjects,
    readonly name: string,
    /** When it was made: another stream of this name has other epochs. */
    readonly createdMs: number,
    private readonly manager: JetStreamManager,
  ) {}

  /** Makes the stream or checks it. Rejects with `StartUpError`. */
  static async open(link: NatsLink, settings: Settings): Promise<LogStream> {
    const { cluster, log, transport } = settings.current
    const maxPayloadBytes = link.connection.info?.max_payload ?? Infinity
    if (transport.maxMessageBytes + RECORD_RESERVE_BYTES > maxPayloadBytes) {
      throw new StartUpError(`max_payload of NATS is ${maxPayloadBytes}: too little for NESTWIRE_MAX_MESSAGE_BYTES`)
    }
    const subjects = new RoomSubjects(cluster.name)
    const name = `${cluster.name}-log`
    const manager = await jetstreamManager(link.connection, { checkAPI: false, timeout: REQUEST_TIMEOUT_MS })
    const { created } = await ensureStream(manager.streams, {
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
      max_msgs_per_subject: log.historyMaxRecords + KEPT_BEFORE_OLDEST,
      duplicate_window: nanos(log.dedupWindowMs + KEPT_LONGER_MS + SPARE_MS),
      allow_direct: true,
      deny_purge: false,
    })
    return new LogStream(link, subjects, name, Date.parse(created), manager)
  }

  /** Sequence of the newest message of the subject; 0: there is none. */
  async last(subject: string): Promise<number> {
    return this.asking(async ({ direct }) => {
      const message = await direct.getMessage(this.name, { last_by_subj: subject })
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
    if (seq > 1) await this.asking(({ streams }) => streams.purge(this.name, { filter: subject, seq }))
  }

  async purgeAll(subject: string): Promise<void> {
    await this.asking(({ streams }) => streams.purge(this.name, { filter: subject }))
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

  private async asking<Answer>(ask: (manager: JetStreamManager) => Promise<Answer>): Promise<Answer> {
    this.link.refuseWhenAway()
    try {
      return await ask(this.manager)
    } catch (error) {
      throw asFault(error)
    }
  }
}

export const asFault = (error: unknown): LogFault =>
  error instanceof LogFault ? error : LogFault.unavailable(`NATS did not answer: ${reasonOf(error)}`, { cause: error })
