/** A stranger comes when all is over: joins each room, which gives it an end, and reads what the log still holds. */
import { setTimeout as sleep } from 'node:timers/promises'
import { PROTOCOL_VERSION } from '../../src/protocol/constants.js'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { trustedSeq, type RoomId, type UserId } from '../../src/protocol/ids.js'
import { RecordKind, type Packet } from '../../src/protocol/packets.js'
import { recordEvent } from './content.js'
import type { JournalEvent } from './journal.js'
import { WireConnection } from './wire-connection.js'

/** A node takes in whoever was sent on so often. */
const STAY = 2

export interface AuditOptions {
  readonly port: number
  readonly token: string
  readonly rooms: readonly RoomId[]
}

export interface Audit {
  /** The seq of the auditor's own join, after which nothing may come. */
  readonly heads: ReadonlyMap<RoomId, number>
  readonly journal: readonly JournalEvent[]
}

/** What `chat.history` answers. */
interface HistoryPage {
  readonly epoch: number
  readonly records: readonly {
    readonly kind: 'text' | 'join' | 'leave'
    readonly seq: number
    readonly prev: number
    readonly timeMs: number
    readonly sender: UserId
    readonly body: Uint8Array
  }[]
  readonly more: boolean
}

const recordKinds = { text: RecordKind.Text, join: RecordKind.Join, leave: RecordKind.Leave } as const
const PAGE_RECORDS = 200

const RETRY_MS = 500
const MAX_TRIES = 60

class LogIsAway extends Error {}

/** Rejects if anything is refused. */
export async function audit({ port, token, rooms }: AuditOptions): Promise<Audit> {
  const auditor = new Auditor(port)
  try {
    await auditor.login(token)
    const heads = new Map<RoomId, number>()
    const journal: JournalEvent[] = []
    for (const room of rooms) heads.set(room, await auditor.join(room))
    for (const room of rooms) for await (const event of auditor.readAll(room)) journal.push(event)
    return { heads, journal }
  } finally {
    auditor.close()
  }
}

class Auditor {
  private readonly wire: WireConnection
  private readonly waiting = new Map<number, (packet: Packet | Error) => void>()
  private lastCorrelation = 0

  constructor(port: number) {
    this.wire = new WireConnection(port, {
      opened: () => undefined,
      received: (packet) => {
        if (packet.kind === 'ping') this.wire.send({ kind: 'pong', correlation: packet.correlation })
        else if ('correlation' in packet) this.waiting.get(packet.correlation)?.(packet)
      },
      closed: () => this.fail(new Error('the auditor was cut off')),
      misread: (error) => this.fail(new Error('no packet', { cause: error })),
    })
  }

  async login(token: string): Promise<void> {
    const [minVersion, maxVersion] = [PROTOCOL_VERSION, PROTOCOL_VERSION]
    this.wire.send({ kind: 'hello', minVersion, maxVersion, features: 0, agent: 'torture-audit' })
    // It stays where it asks, whoever it belongs to.
    await this.ask('authOk', (correlation) => ({ kind: 'auth', correlation, redirects: STAY, token }))
  }

  async join(room: RoomId): Promise<number> {
    return (await this.askUntilThere('joined', (correlation) => ({ kind: 'join', correlation, room }))).seq
  }

  async *readAll(room: RoomId): AsyncGenerator<JournalEvent> {
    let [after, more] = [0, true]
    while (more) {
      const payload = encodeBody({ room, after, limit: PAGE_RECORDS })
      const { body } = await this.askUntilThere('reply', (correlation) => request(correlation, 'chat.history', payload))
      const page = decodeBody(body) as HistoryPage
      for (const { kind, seq, prev, body: text, ...rest } of page.records) {
        const bytes = { kind: recordKinds[kind], seq: trustedSeq(seq), prev: trustedSeq(prev), body: Buffer.from(text) }
        yield { kind: 'read', ...recordEvent({ room, epoch: page.epoch }, { ...rest, ...bytes }) }
        after = seq
      }
      more = page.more
    }
  }

  close(): void {
    this.wire.cut()
  }

  /** Where the log is elsewhere, it may be away for a moment. */
  private async askUntilThere<Kind extends Packet['kind']>(
    kind: Kind,
    question: (correlation: number) => Packet,
  ): Promise<Extract<Packet, { kind: Kind }>> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.ask(kind, question)
      } catch (error) {
        if (!(error instanceof LogIsAway) || tries === MAX_TRIES) throw error
        await sleep(RETRY_MS)
      }
    }
  }

  private async ask<Kind extends Packet['kind']>(
    kind: Kind,
    question: (correlation: number) => Packet,
  ): Promise<Extract<Packet, { kind: Kind }>> {
    this.lastCorrelation += 1
    const correlation = this.lastCorrelation
    const answer = new Promise<Packet | Error>((resolve) => this.waiting.set(correlation, resolve))
    this.wire.send(question(correlation))
    const packet = await answer
    this.waiting.delete(correlation)
    if (packet instanceof Error) throw packet
    if (packet.kind === 'error' && packet.code === ErrorCode.LogUnavailable) throw new LogIsAway(packet.message)
    if (packet.kind !== kind) throw new Error(`the auditor was answered ${JSON.stringify(packet)}`)
    return packet as Extract<Packet, { kind: Kind }>
  }

  private fail(error: Error): void {
    for (const settle of this.waiting.values()) settle(error)
  }
}

function request(correlation: number, pattern: string, body: Buffer): Packet {
  return { kind: 'request', correlation, priority: 0, deadlineMs: undefined, metadata: undefined, pattern, body }
}
