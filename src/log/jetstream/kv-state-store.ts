/**
 * The state of all nodes in one NATS bucket, mirrored in memory: reads ask nobody, and are never older than what this
 * node wrote. Writes of one key follow each other; of two nodes that replace one value, the bucket lets one win.
 *
 * Says nothing of what the rooms make of a change: they are told in order by `watch`.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import {
  jetstreamManager,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
} from '@nats-io/jetstream'
import { errors, headers, nanos, type Msg, type MsgHdrs } from '@nats-io/transport-node'
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'
import { LogFault, reasonOf } from '../log-fault.js'
import { textOfKey } from '../state-key.js'
import type { SharedEntry, SharedStateStore, StateChange, StateEntry, StateKey, StateTable } from '../state-store.js'
import { bucketKey, keyOfBucket } from './bucket-keys.js'
import { BucketWatch } from './bucket-watch.js'
import { asFault } from './log-stream.js'
import type { NatsLink } from './nats-link.js'
import { readPubAck, type PubAck } from './pub-ack.js'
import { StateMirror, type MirroredEntry } from './state-mirror.js'
import { ensureStream } from './stream-set-up.js'
import { Tombstones } from './tombstones.js'

const REQUEST_TIMEOUT_MS = 5_000
/** For whoever is refused. */
const RETRY_AFTER_MS = 1_000
const RETRY_PAUSE_MS = 200
const MAX_TRIES = 20
const DUPLICATE_WINDOW_MS = 120_000
const OPERATION = 'KV-Operation'
/** Which node wrote an entry, so that each knows its own. */
const WRITER = 'Nestwire-Writer'

interface StoreParts {
  readonly link: NatsLink
  readonly settings: Settings
  readonly clock: Pick<Clock, 'uptimeMs' | 'every'>
}

export class KvStateStore implements SharedStateStore {
  private readonly mirror = new StateMirror()
  private readonly writer = randomBytes(9).toString('base64url')
  private readonly listeners = new Set<(change: StateChange) => void>()
  /** The last write of each key that is not settled. */
  private readonly writing = new Map<string, Promise<unknown>>()
  private readonly tombstones: Tombstones
  private watching: BucketWatch | undefined

  private constructor(
    private readonly parts: StoreParts,
    private readonly manager: JetStreamManager,
    /** Of the bucket; a key is a subject below `prefix`. */
    readonly streamName: string,
    private readonly prefix: string,
  ) {
    this.tombstones = new Tombstones({
      clock: parts.clock,
      bury: (key, revision) => this.bury(key, revision),
      forget: (key, revision) => this.mirror.forget(key, revision),
    })
  }

  /** Makes the bucket or checks it, and reads all of it. Rejects with `StartUpError`. */
  static async open(parts: StoreParts): Promise<KvStateStore> {
    const { link, settings, clock } = parts
    const { name, replicas } = settings.current.cluster
    const bucket = `${name}-state`
    const [streamName, prefix] = [`KV_${bucket}`, `$KV.${bucket}.`]
    const manager = await jetstreamManager(link.connection, { checkAPI: false, timeout: REQUEST_TIMEOUT_MS })
    await ensureStream(manager.streams, {
      name: streamName,
      subjects: [`${prefix}>`],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      num_replicas: replicas,
      discard: DiscardPolicy.New,
      max_age: 0,
      max_bytes: -1,
      max_msgs: -1,
      max_msgs_per_subject: 1,
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      allow_direct: true,
      deny_purge: false,
      deny_delete: true,
      allow_rollup_hdrs: true,
    })
    const store = new KvStateStore(parts, manager, streamName, prefix)
    store.watching = await BucketWatch.open({
      link,
      manager,
      stream: streamName,
      subjects: `${prefix}>`,
      clock,
      changed: (message, revision) => store.changed(message, revision),
      reloaded: (subjects, revision) => store.reloaded(subjects, revision),
    })
    return store
  }

  async get(key: StateKey): Promise<Buffer | undefined> {
    return this.current(key)
  }

  current(key: StateKey): Buffer | undefined {
    return this.mirror.get(key).value
  }

  /** Asks the leader: for what an old value must not decide. Rejects with `LogFault`. */
  async latest(key: StateKey): Promise<Buffer | undefined> {
    return (await this.refresh(key)).value
  }

  async put(key: StateKey, value: Buffer): Promise<void> {
    await this.inOrder(key, () => this.write({ key, value }))
  }

  async replace(
    key: StateKey,
    expected: Buffer | undefined,
    value: Buffer | undefined,
    note?: Buffer,
  ): Promise<boolean> {
    return this.inOrder(key, async () => {
      let held = this.mirror.get(key)
      // What speaks against it may be old.
      if (!isSame(held.value, expected)) held = await this.refresh(key)
      for (; isSame(held.value, expected); held = await this.refresh(key)) {
        if (await this.write({ key, value, note, lastRevision: held.revision })) return true
      }
      return false
    })
  }

  async remove(key: StateKey, note?: Buffer): Promise<void> {
    await this.inOrder(key, () => this.write({ key, value: undefined, note }))
  }

  async *entries(prefix: StateKey): AsyncIterable<StateEntry> {
    yield* this.mirror.entries(prefix)
  }

  scan(table: StateTable): AsyncIterable<StateEntry> {
    return this.mirror.scan(table)
  }

  currentEntries(prefix: StateKey): readonly SharedEntry[] {
    return this.mirror.entries(prefix)
  }

  watch(listener: (change: StateChange) => void): () => void {
    const own = (change: StateChange): void => listener(change)
    this.listeners.add(own)
    return () => void this.listeners.delete(own)
  }

  /** Entries in memory, and removed ones that are not forgotten yet. */
  get heldEntries(): number {
    return this.mirror.size
  }

  async caughtUp(key: StateKey): Promise<void> {
    await this.watching?.reached(this.mirror.get(key).revision)
  }

  /** Writes under way are waited for. The link stays open. */
  async close(): Promise<void> {
    await Promise.allSettled(this.writing.values())
    this.tombstones.close()
    this.watching?.close()
    this.listeners.clear()
  }

  private async inOrder<Result>(key: StateKey, act: () => Promise<Result>): Promise<Result> {
    const text = textOfKey(key)
    const before = this.writing.get(text) ?? Promise.resolve()
    const done = before.then(act, act)
    this.writing.set(text, done)
    try {
      return await done
    } finally {
      if (this.writing.get(text) === done) this.writing.delete(text)
    }
  }

  /** `false`: the entry has another revision than `lastRevision`, and nothing was written. */
  private async write({ key, value, note, lastRevision }: Write): Promise<boolean> {
    const named = headers()
    named.set(WRITER, this.writer)
    if (value === undefined) named.set(OPERATION, 'DEL')
    if (lastRevision !== undefined) named.set('Nats-Expected-Last-Subject-Sequence', String(lastRevision))
    const answer = await this.publish(this.subjectOf(key), value ?? note ?? Buffer.alloc(0), named)
    if (answer.kind === 'refused') throw LogFault.unavailable(answer.why, { retryAfterMs: RETRY_AFTER_MS })
    if (answer.kind === 'otherLast') return false
    this.hold({ key, value, revision: answer.seq }, true)
    return true
  }

  private async publish(subject: string, value: Buffer, named: MsgHdrs): Promise<PubAck> {
    for (let tries = 1; ; tries += 1) {
      this.parts.link.refuseWhenAway()
      try {
        const options = { timeout: REQUEST_TIMEOUT_MS, headers: named }
        return readPubAck(await this.parts.link.connection.request(subject, value, options))
      } catch (error) {
        // The stream has no leader: nothing was written.
        const isLeaderless = error instanceof errors.RequestError && error.isNoResponders()
        if (!isLeaderless) throw LogFault.commitFailed(error)
        if (tries === MAX_TRIES)
          throw LogFault.unavailable(reasonOf(error), { cause: error, retryAfterMs: RETRY_AFTER_MS })
        await pause(RETRY_PAUSE_MS)
      }
    }
  }

  /** Asks the leader. */
  private async refresh(key: StateKey): Promise<MirroredEntry> {
    this.parts.link.refuseWhenAway()
    try {
      const message = await this.manager.streams.getMessage(this.streamName, { last_by_subj: this.subjectOf(key) })
      if (message === null) return { key, value: undefined, revision: 0 }
      const value = message.header.has(OPERATION) ? undefined : Buffer.from(message.data)
      this.hold({ key, value, revision: message.seq }, message.header.get(WRITER) === this.writer)
      return { key, value, revision: message.seq }
    } catch (error) {
      throw asFault(error)
    }
  }

  private hold(entry: MirroredEntry, isOwn: boolean): void {
    if (!this.mirror.set(entry)) return
    if (entry.value === undefined) this.tombstones.add(entry.key, entry.revision, isOwn)
    else this.tombstones.drop(entry.key)
  }

  private changed({ subject, headers: named, data }: Msg, revision: number): void {
    const key = keyOfBucket(subject.slice(this.prefix.length))
    if (key === undefined) return
    const isRemoval = named?.has(OPERATION) === true
    const content = Buffer.from(data)
    const [value, note] = isRemoval ? [undefined, content] : [content, undefined]
    const isOwn = named?.get(WRITER) === this.writer
    // What this node wrote, or read, since is newer.
    if (revision < this.mirror.get(key).revision) return
    // Marks of others are theirs to bury, but for those that were there at the start.
    this.hold({ key, value, revision }, isOwn || this.watching === undefined)
    for (const listener of this.listeners) listener({ key, value, note, isOwn })
  }

  /** What was removed while this node heard nothing, for so long that the bucket has no mark of it any more. */
  private async reloaded(subjects: ReadonlySet<string>, revision: number): Promise<void> {
    for (const { key, value, revision: since } of this.mirror.all()) {
      if (since > revision || subjects.has(this.subjectOf(key))) continue
      // One that was overwritten while all were told comes later.
      if (value !== undefined && (await this.refresh(key)).revision > 0) continue
      this.mirror.forget(key, since)
      if (value === undefined) continue
      for (const listener of this.listeners) listener({ key, value: undefined, note: undefined, isOwn: false })
    }
  }

  private async bury(key: StateKey, revision: number): Promise<void> {
    this.parts.link.refuseWhenAway()
    // Up to this revision only: what was put meanwhile stays.
    await this.manager.streams.purge(this.streamName, { filter: this.subjectOf(key), seq: revision + 1 })
    this.mirror.forget(key, revision)
  }

  private subjectOf(key: StateKey): string {
    return this.prefix + bucketKey(key)
  }
}

interface Write {
  readonly key: StateKey
  readonly value: Buffer | undefined
  readonly note?: Buffer | undefined
  /** What the entry must have now; 0: the bucket knows nothing of it. */
  readonly lastRevision?: number
}

const isSame = (current: Buffer | undefined, expected: Buffer | undefined): boolean =>
  current === undefined || expected === undefined ? current === expected : current.equals(expected)
