/** A client that keeps no rules: a socket and the codec, whose owner decides what it sends, reads and leaves undone. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { MAX_FRAME_BYTES_CEILING } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { Tally } from './tally.js'

export interface IntruderPlace {
  readonly port: number
  /** It comes from there. */
  readonly address: string
  readonly tally: Tally
  /** Absent: it speaks plain text, whatever the server speaks. */
  readonly tls?: ConnectionOptions | undefined
}

const DRAIN_LOOK_MS = 20

export class Intruder {
  readonly socket: Socket
  /** Resolves when either end is gone: by CLOSE, FIN, or without a word. */
  readonly ended: Promise<void>
  closeCode: number | undefined
  isOver = false
  private readonly decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  private readonly waiting = new Map<number, (answer: Packet | undefined) => void>()
  private greeted: ((welcome: Packet | undefined) => void) | undefined
  private correlation = 0
  private isLeaving = false
  private isDeaf = false

  constructor(private readonly place: IntruderPlace) {
    const { port, address, tls } = place
    const where = { port, host: '127.0.0.1', localAddress: address, allowHalfOpen: true, noDelay: true }
    this.socket = tls === undefined ? connect(where) : connectTls({ ...tls, ...where })
    this.socket.on('data', (chunk) => this.take(chunk))
    this.socket.on('error', () => undefined)
    this.ended = new Promise((resolve) => {
      for (const event of ['end', 'close'] as const) {
        this.socket.on(event, () => {
          this.end()
          resolve()
        })
      }
    })
  }

  /** Past the handshake of TLS, if it speaks that. False: refused, or gone at once. */
  async opened(): Promise<boolean> {
    const event = this.place.tls === undefined ? 'connect' : 'secureConnect'
    if (this.socket.connecting) await Promise.race([once(this.socket, event).catch(() => undefined), this.ended])
    return !this.isOver
  }

  nextCorrelation(): number {
    this.correlation += 1
    return this.correlation
  }

  send(...packets: readonly Packet[]): void {
    this.sendBytes(Buffer.concat(packets.map(encodePacket)))
  }

  sendBytes(bytes: Buffer): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  /** `undefined` when the connection ends first. */
  greet(features = 0): Promise<Packet | undefined> {
    if (this.isOver) return Promise.resolve(undefined)
    const welcome = new Promise<Packet | undefined>((resolve) => (this.greeted = resolve))
    this.send({ kind: 'hello', minVersion: 1, maxVersion: 1, features, agent: 'intruder' })
    return welcome
  }

  /** What answers each of them, sent in one write; `undefined` for all that are open when the connection ends. */
  askAll(asked: readonly ((correlation: number) => Packet)[]): Promise<readonly (Packet | undefined)[]> {
    const packets = asked.map((packet) => packet(this.nextCorrelation()))
    const answers = packets.map((packet) => this.answerTo(packet))
    this.send(...packets)
    return Promise.all(answers)
  }

  async ask(packet: (correlation: number) => Packet): Promise<Packet | undefined> {
    const [answer] = await this.askAll([packet])
    return answer
  }

  /** Everything sent so far was read, unless the connection ends first. */
  async settled(): Promise<void> {
    await this.ask((correlation) => ({ kind: 'ping', correlation }))
  }

  /** As much as the server takes, for so long. */
  async flood(chunk: () => Buffer, durationMs: number): Promise<void> {
    const untilMs = performance.now() + durationMs
    while (!this.isOver && performance.now() < untilMs) {
      if (this.socket.writableNeedDrain) await sleep(DRAIN_LOOK_MS)
      else this.sendBytes(chunk())
      await nextTurn()
    }
  }

  /** For who provokes answers that are no frames: they are read, and not understood. */
  makeDeaf(): void {
    this.isDeaf = true
  }

  stopReading(): void {
    this.socket.pause()
  }

  readOn(): void {
    this.socket.resume()
  }

  /** FIN. */
  finish(): void {
    this.isLeaving = true
    this.socket.end()
  }

  /** RST; of a socket with TLS on it, which has none, FIN. Where FIN was sent Node refuses RST, and keeps the descriptor. */
  reset(): void {
    this.isLeaving = true
    if (this.place.tls !== undefined || this.socket.writableEnded) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  private take(chunk: Buffer): void {
    if (this.isDeaf) return
    try {
      this.decoder.push(chunk)
      for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next())
        this.accept(decodePacket(frame))
    } catch (error) {
      this.place.tally.misread.push(String(error))
      this.socket.destroy()
    }
  }

  private async answerTo(packet: Packet): Promise<Packet | undefined> {
    if (this.isOver || !('correlation' in packet)) return undefined
    return new Promise((resolve) => this.waiting.set(packet.correlation, resolve))
  }

  private accept(packet: Packet): void {
    this.place.tally.add(packet)
    if (packet.kind === 'close') this.closeCode = packet.code
    if (packet.kind === 'welcome') this.greeted?.(packet)
    if (!('correlation' in packet) || packet.kind === 'ping') return
    this.waiting.get(packet.correlation)?.(packet)
    this.waiting.delete(packet.correlation)
  }

  private end(): void {
    if (this.isOver) return
    this.isOver = true
    if (this.closeCode === undefined && !this.isLeaving) this.place.tally.cut += 1
    this.greeted?.(undefined)
    for (const resolve of this.waiting.values()) resolve(undefined)
    this.waiting.clear()
    // Who was told to go, goes.
    this.socket.end()
  }
}
