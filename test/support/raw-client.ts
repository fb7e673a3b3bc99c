/** A client made of nothing but a socket and the codec: bytes in, frames out. Cleans up after its test. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { expect, onTestFinished } from 'vitest'
import { CloseCode, closeCodeName } from '../../src/protocol/close-codes.js'
import { MAX_FRAME_BYTES_CEILING } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import type { Packet, PacketKind } from '../../src/protocol/packets.js'

export type PacketOf<Kind extends PacketKind> = Extract<Packet, { kind: Kind }>

export const hello = (over: Partial<PacketOf<'hello'>> = {}): Packet => ({
  kind: 'hello',
  minVersion: 1,
  maxVersion: 1,
  features: 0,
  agent: 'raw-client',
  ...over,
})

interface Way {
  readonly tls?: ConnectionOptions | undefined
  /** Another address of this machine, such as 127.0.0.2. */
  readonly localAddress?: string | undefined
}

export class RawClient {
  readonly socket: Socket
  /** Everything received and not yet asked for. */
  readonly inbox: Packet[] = []
  private readonly decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  private readonly waiting: (() => void)[] = []
  private correlation = 0
  private isOver = false
  private readonly readyEvent: 'connect' | 'secureConnect'

  protected constructor(port: number, host: string, { tls, localAddress }: Way = {}) {
    const where = { port, host, localAddress, allowHalfOpen: true }
    this.socket = tls === undefined ? connect(where) : connectTls({ ...tls, ...where })
    this.readyEvent = tls === undefined ? 'connect' : 'secureConnect'
    this.socket.on('data', (chunk: Buffer) => this.take(chunk))
    this.socket.on('error', () => undefined)
    for (const event of ['end', 'close'] as const) {
      this.socket.on(event, () => {
        this.isOver = true
        this.wake()
      })
    }
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const client = new RawClient(port, host)
    await client.opened()
    return client
  }

  /** Past the handshake of TLS; rejects with the socket's error. */
  static async connectTls(port: number, tls: ConnectionOptions): Promise<RawClient> {
    const client = new RawClient(port, '127.0.0.1', { tls })
    await client.opened()
    return client
  }

  /** From another address of this machine, such as 127.0.0.2. */
  static async connectFrom(localAddress: string, port: number): Promise<RawClient> {
    const client = new RawClient(port, '127.0.0.1', { localAddress })
    await client.opened()
    return client
  }

  /** Connected and past HELLO; from another address of this machine, if one is given. */
  static async greeted(port: number, tls?: ConnectionOptions, localAddress?: string): Promise<RawClient> {
    const client = new RawClient(port, '127.0.0.1', { tls, localAddress })
    await client.opened()
    client.send(hello())
    await client.expect('welcome')
    return client
  }

  /** Resolves once connected; the socket goes with the test. */
  protected async opened(): Promise<void> {
    onTestFinished(() => void this.socket.destroy())
    await once(this.socket, this.readyEvent)
  }

  nextCorrelation(): number {
    this.correlation += 1
    return this.correlation
  }

  send(...packets: Packet[]): void {
    this.socket.write(Buffer.concat(packets.map(encodePacket)))
  }

  /** Raw bytes, as a buffer or as hex with or without spaces. */
  sendBytes(bytes: Buffer | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes.replaceAll(' ', ''), 'hex') : bytes)
  }

  /** FIN: we will send no more. */
  end(): void {
    this.socket.end()
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  stopReading(): void {
    this.socket.pause()
  }

  startReading(): void {
    this.socket.resume()
  }

  /** The next packet, whatever it is; `undefined` when the server has hung up. */
  async next(): Promise<Packet | undefined> {
    while (this.inbox.length === 0 && !this.isOver) await new Promise<void>((resolve) => this.waiting.push(resolve))
    return this.inbox.shift()
  }

  /** The next packet, which must be of this kind. */
  async expect<Kind extends PacketKind>(kind: Kind): Promise<PacketOf<Kind>> {
    const packet = await this.next()
    expect(packet?.kind, describePacket(packet)).toBe(kind)
    return packet as PacketOf<Kind>
  }

  /** The first packet that `isWanted`; those before it stay where they are. Fails when the server hangs up instead. */
  async find(isWanted: (packet: Packet) => boolean): Promise<Packet> {
    for (;;) {
      // Found and taken without a pause: others may be waiting for other packets.
      const index = this.inbox.findIndex(isWanted)
      const [found] = index < 0 ? [] : this.inbox.splice(index, 1)
      if (found !== undefined) return found
      await this.news()
    }
  }

  /** The answer to a REQUEST or compact packet sent here and now. */
  async ask<Kind extends PacketKind>(packet: Packet, kind: Kind): Promise<PacketOf<Kind>> {
    this.send(packet)
    return this.expect(kind)
  }

  /** Nothing has come and nothing is on its way: a PING sent now is answered next. */
  async expectNothing(): Promise<void> {
    const correlation = this.nextCorrelation() + 0x7000_0000
    this.send({ kind: 'ping', correlation })
    const packet = await this.next()
    expect(packet, 'expected silence').toEqual({ kind: 'pong', correlation })
  }

  /** Everything sent so far has been read, and what the server said meanwhile is in the inbox. */
  async settled(): Promise<void> {
    const correlation = this.nextCorrelation() + 0x7000_0000
    this.send({ kind: 'ping', correlation })
    await this.find((packet) => packet.kind === 'pong' && packet.correlation === correlation)
  }

  /** What was written here has left this process, and the server has had its turn; for bytes that make no frame. */
  async expectStillConnected(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write('', () => resolve()))
    await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))
    expect(this.isOver).toBe(false)
  }

  /** CLOSE with this code, then FIN, and nothing else any more. */
  async expectClosed(code: keyof typeof CloseCode): Promise<PacketOf<'close'>> {
    const packet = await this.expect('close')
    expect(closeCodeName(packet.code)).toBe(code)
    expect(await this.next()).toBeUndefined()
    return packet
  }

  /** Like `expectClosed`, but past whatever was under way before the CLOSE. */
  async expectClosedAtLast(code: keyof typeof CloseCode): Promise<PacketOf<'close'>> {
    while (this.inbox[0]?.kind !== 'close') {
      if (this.inbox.shift() === undefined) await this.news()
    }
    return this.expectClosed(code)
  }

  /** Resolves when something has come; fails when nothing can come any more. */
  private async news(): Promise<void> {
    if (this.isOver) throw new Error(`the server hung up after ${describePacket(this.inbox.at(-1))}`)
    await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  private take(chunk: Buffer): void {
    this.decoder.push(chunk)
    for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
      this.inbox.push(decodePacket(frame))
    }
    this.wake()
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

function describePacket(packet: Packet | undefined): string {
  if (packet === undefined) return 'the server hung up'
  if (packet.kind === 'close') return `CLOSE ${closeCodeName(packet.code)}: ${packet.message}`
  return packet.kind === 'error' ? `ERROR ${packet.code}: ${packet.message}` : packet.kind
}
