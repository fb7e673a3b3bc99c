/** A server whose every packet is written by the test: a real socket on a free port, gone after the test. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { assert, onTestFinished } from 'vitest'
import { MAX_FRAME_BYTES_CEILING } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import { parseRoomId, parseUserId, trustedEpoch, trustedSeq, trustedSessionId } from '../../src/protocol/ids.js'
import {
  RecordKind,
  ResumeOutcome,
  type GapReason,
  type Packet,
  type PacketKind,
  type ResumedRoom,
  type RoomRecord,
  type WireLimits,
} from '../../src/protocol/packets.js'

export type PacketOf<Kind extends PacketKind> = Extract<Packet, { kind: Kind }>

export class ScriptedServer {
  /** Every connection so far, in order. */
  readonly connections: ServedConnection[] = []
  private taken = 0
  private wake: () => void = () => undefined

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.connections.push(new ServedConnection(socket))
      this.wake()
    })
  }

  static async start(port = 0): Promise<ScriptedServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    const scripted = new ScriptedServer(server)
    onTestFinished(() => scripted.stop())
    return scripted
  }

  get port(): number {
    const address = this.server.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    return address.port
  }

  /** The next connection nobody has taken yet. */
  async accept(): Promise<ServedConnection> {
    for (;;) {
      const served = this.connections[this.taken]
      if (served !== undefined) {
        this.taken += 1
        return served
      }
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
  }

  /** The next connection, past WELCOME. */
  async greet(over: Partial<PacketOf<'welcome'>> = {}): Promise<ServedConnection> {
    const served = await this.accept()
    await served.expect('hello')
    served.send(welcome(over))
    return served
  }

  /** The next connection, taken through HELLO and AUTH. */
  async admit(limits: WireLimits = {}, grant: Partial<PacketOf<'authOk'>> = {}): Promise<ServedConnection> {
    const served = await this.greet({ limits })
    const { correlation } = await served.expect('auth')
    served.send(authOk({ correlation, ...grant }))
    return served
  }

  async stop(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy()
    if (!this.server.listening) return
    this.server.close()
    await once(this.server, 'close')
  }
}

export const at = ({ port }: ScriptedServer): string => `127.0.0.1:${port}`

/** As many servers as the test names: `const [first, second] = await startServers(2)`. */
export async function startServers(count: 1): Promise<[ScriptedServer]>
export async function startServers(count: 2): Promise<[ScriptedServer, ScriptedServer]>
export async function startServers(count: 3): Promise<[ScriptedServer, ScriptedServer, ScriptedServer]>
export async function startServers(count: number): Promise<ScriptedServer[]> {
  return Promise.all(Array.from({ length: count }, () => ScriptedServer.start()))
}

/** An address where nobody listens. */
export async function deadServer(): Promise<string> {
  const server = await ScriptedServer.start()
  const address = at(server)
  await server.stop()
  return address
}

export class ServedConnection {
  /** What came and was not asked for yet. */
  readonly inbox: Packet[] = []
  private readonly decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  private wake: () => void = () => undefined
  /** Chunks as they came: one write of the client is one chunk while it is small. */
  readonly chunks: Buffer[] = []
  private hasEnded = false
  /** False: goes on holding the connection when the client has hung up. */
  hangsUp = true

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('error', () => undefined)
    socket.on('end', () => {
      if (this.hangsUp) socket.end()
    })
    for (const event of ['end', 'close'] as const) {
      socket.on(event, () => {
        this.hasEnded = true
        this.wake()
      })
    }
  }

  send(...packets: Packet[]): void {
    this.socket.write(Buffer.concat(packets.map(encodePacket)))
  }

  async next(): Promise<Packet | undefined> {
    while (this.inbox.length === 0 && !this.hasEnded) await new Promise<void>((resolve) => (this.wake = resolve))
    return this.inbox.shift()
  }

  async expect<Kind extends PacketKind>(kind: Kind): Promise<PacketOf<Kind>> {
    const packet = await this.next()
    if (isKind(packet, kind)) return packet
    return assert.fail(`expected ${kind}, got ${packet?.kind ?? 'the end'}`)
  }

  /** The client has sent nothing that was not looked at: it answers a PING next. */
  async expectNothing(): Promise<void> {
    this.send({ kind: 'ping', correlation: 0x7000_0000 })
    assert.deepEqual(await this.next(), { kind: 'pong', correlation: 0x7000_0000 })
  }

  /** FIN, after CLOSE if the client wrote one. */
  async expectEnd(): Promise<void> {
    assert.isUndefined(await this.next())
  }

  /** CLOSE with this code, then FIN. */
  closeWith(code: number, over: Partial<PacketOf<'close'>> = {}): void {
    this.send({ kind: 'close', code, retryAfterMs: 0, target: '', message: '', ...over })
    this.socket.end()
  }

  private take(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.decoder.push(chunk)
    for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
      this.inbox.push(decodePacket(frame))
    }
    this.wake()
  }
}

const isKind = <Kind extends PacketKind>(packet: Packet | undefined, kind: Kind): packet is PacketOf<Kind> =>
  packet?.kind === kind

export const welcome = (over: Partial<PacketOf<'welcome'>> = {}): Packet => ({
  kind: 'welcome',
  version: 1,
  features: 0,
  authentication: 'token',
  connection: 'c1',
  limits: {},
  ...over,
})

export const authOk = (over: Partial<PacketOf<'authOk'>> & { correlation: number }): PacketOf<'authOk'> => ({
  kind: 'authOk',
  user: userOf('alice'),
  session: trustedSessionId('s1'),
  role: 0,
  expiresAtMs: 0,
  dedupWindowMs: 0,
  ticket: Buffer.alloc(0),
  ...over,
})

/** The session goes on; of the lobby everything after `from` follows. */
export const resumed = (correlation: number, over: Partial<PacketOf<'resumed'>> = {}): Packet => ({
  ...authOk({ correlation }),
  kind: 'resumed',
  correlation,
  dedupWindowMs: 120_000,
  ticket: Buffer.from('ticket 2'),
  rooms: [],
  ...over,
})

/** What RESUMED says of the lobby. */
export const resumedLobby = (from: number, to: number, over: Partial<ResumedRoom> = {}): ResumedRoom => ({
  room: LOBBY,
  epoch: EPOCH,
  from: trustedSeq(from),
  to: trustedSeq(to),
  outcome: ResumeOutcome.Whole,
  ...over,
})

export const gap = (from: number, to: number, reason: GapReason, epoch: number = EPOCH): Packet => ({
  kind: 'gap',
  room: LOBBY,
  epoch: trustedEpoch(epoch),
  from: trustedSeq(from),
  to: trustedSeq(to),
  reason,
})

export const LOBBY = roomOf('lobby')
export const EPOCH = trustedEpoch(7)

export const joined = (correlation: number, seq: number, epoch: number = EPOCH): PacketOf<'joined'> => ({
  kind: 'joined',
  correlation,
  room: LOBBY,
  epoch: trustedEpoch(epoch),
  seq: trustedSeq(seq),
  role: 0,
  members: 1,
})

export const ack = (correlation: number, seq: number): Packet => ({
  kind: 'ack',
  correlation,
  seq: trustedSeq(seq),
  timeMs: 1_700_000_000_000 + seq,
})

/** ERROR with this code. */
export const refused = (correlation: number, code: number, retryAfterMs = 0): Packet => ({
  kind: 'error',
  correlation,
  code,
  retryAfterMs,
  message: '',
  body: Buffer.alloc(0),
})

/** Text records of these seqs, each `prev` the one before it; the first one's is `seq − 1` unless given. */
export function texts(seqs: readonly number[], firstPrev?: number): RoomRecord[] {
  return seqs.map((seq, index) => ({
    kind: RecordKind.Text,
    seq: trustedSeq(seq),
    prev: trustedSeq(seqs[index - 1] ?? firstPrev ?? seq - 1),
    timeMs: 1_700_000_000_000 + seq,
    sender: userOf('bob'),
    body: Buffer.from(`message ${seq}`),
  }))
}

export const deliver = (seqs: readonly number[], over: { firstPrev?: number; epoch?: number } = {}): Packet => ({
  kind: 'deliver',
  room: LOBBY,
  epoch: trustedEpoch(over.epoch ?? EPOCH),
  records: texts(seqs, over.firstPrev),
})

/** What chat.history answers. */
export const historyReply = (records: readonly RoomRecord[], epoch: number = EPOCH) => ({
  room: LOBBY,
  epoch,
  records: records.map((record) => ({ ...record, kind: 'text' })),
  more: false,
})

function roomOf(name: string) {
  const room = parseRoomId(name)
  if (room === undefined) throw new Error(`${name} is no room name`)
  return room
}

export function userOf(name: string) {
  const user = parseUserId(name)
  if (user === undefined) throw new Error(`${name} is no user name`)
  return user
}
