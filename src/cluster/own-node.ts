/**
 * This node among the others: writes its own entry into the state once a second from listening to the end, hears of
 * theirs, and removes those that stay away. Alone it does nothing. The directory judges; timers and the store are here.
 */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { FixedHistogram } from '../fixed-histogram.js'
import { reasonOf } from '../log/log-fault.js'
import { SHARING } from '../log/room-log.token.js'
import type { Sharing } from '../log/sharing.js'
import type { SharedStateStore, StateKey } from '../log/state-store.js'
import { advertisedAddress, nameOfAddress } from './advertised-address.js'
import { NodeDirectory } from './node-directory.js'
import { encodeNodeEntry, readNodeEntry, type NodeEntry } from './node-entry.js'
import { parseNodeId } from './node-id.js'

export const HEARTBEAT_MS = 1_000
/** How long the end of a node waits for NATS to take what it has to say. */
export const LAST_WORD_TIMEOUT_MS = 1_000
const INCARNATION_BYTES = 6

/** Where this node listens, and what is going on there. */
export interface Listening {
  readonly host: string
  readonly port: number
  readonly connectionCount: () => number
}

interface Own {
  readonly key: StateKey
  readonly id: string
  readonly listening: Listening
  entry: NodeEntry
}

@Injectable()
export class OwnNode implements OnModuleInit {
  /** Seconds until NATS had stored a heartbeat. */
  readonly heartbeatSeconds = new FixedHistogram()
  private readonly logger = new Logger('Cluster')
  private readonly state: SharedStateStore | undefined
  private readonly stops: (() => void)[] = []
  /** What the log has told of. */
  private readonly warned = new Set<string>()
  private own: Own | undefined
  private isWriting = false
  private isUnheard = false

  constructor(
    @Inject(SHARING) sharing: Sharing,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly settings: Settings,
    private readonly directory: NodeDirectory,
  ) {
    this.state = sharing.kind === 'cluster' ? sharing.state : undefined
  }

  onModuleInit(): void {
    if (this.state === undefined) return
    this.stops.push(this.state.watch(({ key, value }) => this.changed(key, value)))
    for (const { key, value } of this.state.currentEntries(['node'])) this.changed(key, value)
  }

  /** From now on the others know of this node. */
  join(listening: Listening): void {
    if (this.state === undefined || this.own !== undefined) return
    const { nodeName, advertisedAddress: advertised } = this.settings.current.cluster
    const address = advertisedAddress({ ...listening, advertised, hostname: hostname() })
    const name = parseNodeId(nodeName ?? '') ?? nameOfAddress(address)
    const id = `${name}-${randomBytes(INCARNATION_BYTES).toString('base64url')}`
    const entry = { name, address, epochMs: this.clock.now(), beats: 0, connections: 0, isDraining: false }
    this.own = { key: ['node', id], id, listening, entry }
    this.stops.push(this.clock.every(HEARTBEAT_MS, () => void this.beat()))
    void this.beat()
  }

  /** No new clients from now on. Never rejects, nor waits longer than `LAST_WORD_TIMEOUT_MS`. */
  async startDraining(): Promise<void> {
    const { own } = this
    if (own === undefined) return
    own.entry = { ...own.entry, isDraining: true }
    await this.lastWord(this.write(own))
  }

  /** The others forget this node. Idempotent; never rejects, nor waits longer than `LAST_WORD_TIMEOUT_MS`. */
  async leave(): Promise<void> {
    const { own, state } = this
    this.own = undefined
    for (const stop of this.stops.splice(0)) stop()
    if (own !== undefined && state !== undefined) await this.lastWord(state.remove(own.key))
  }

  /** What cannot be written is written a second later. */
  private async beat(): Promise<void> {
    const { own } = this
    if (own === undefined || this.isWriting) return
    this.isWriting = true
    const startedAtMs = performance.now()
    try {
      await this.write(own)
      this.heartbeatSeconds.observe((performance.now() - startedAtMs) / 1000)
      this.isUnheard = false
    } catch (error) {
      if (!this.isUnheard) this.logger.warn(`the other nodes do not hear of this one: ${reasonOf(error)}`)
      this.isUnheard = true
    } finally {
      this.isWriting = false
    }
  }

  private async write(own: Own): Promise<void> {
    own.entry = { ...own.entry, beats: own.entry.beats + 1, connections: own.listening.connectionCount() }
    this.directory.tell(own.id, own.entry, this.clock.uptimeMs())
    await this.state?.put(own.key, encodeNodeEntry(own.entry))
  }

  private async lastWord(words: Promise<void>): Promise<void> {
    let stopWaiting: () => void = () => undefined
    const tooLate = new Promise<never>((_, reject) => {
      stopWaiting = this.clock.every(LAST_WORD_TIMEOUT_MS, () => reject(new Error('NATS does not answer')))
    })
    try {
      await Promise.race([words, tooLate])
    } catch (error) {
      this.logger.warn(`the other nodes find out by themselves that this one goes: ${reasonOf(error)}`)
    } finally {
      stopWaiting()
    }
  }

  private changed([table, id]: StateKey, value: Buffer | undefined): void {
    if (table !== 'node' || id === undefined) return
    if (value === undefined) return this.directory.forget(id)
    const reading = readNodeEntry(value)
    if (reading.kind !== 'entry')
      return this.warnOnce(reading.kind, `the entry of node ${id} is ${reading.kind}, and passed over`)
    this.directory.hear(id, reading.entry, this.clock.uptimeMs())
    if (id === this.own?.id) this.removeLost()
    if (this.directory.isDoubled(id)) {
      const { name } = reading.entry
      this.warnOnce(name, `two nodes are called ${name} (NESTWIRE_NODE_NAME): only the newer one is sent clients`)
    }
  }

  /** Unless one of them comes back at this moment. All nodes do so at once, and one of them succeeds. */
  private removeLost(): void {
    for (const id of this.directory.lost) {
      const key: StateKey = ['node', id]
      // What fails is tried again at the next heartbeat.
      this.state?.replace(key, this.state.current(key), undefined).catch(() => undefined)
    }
  }

  private warnOnce(about: string, text: string): void {
    if (this.warned.has(about)) return
    this.warned.add(about)
    this.logger.warn(text)
  }
}
