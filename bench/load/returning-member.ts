/** One client of the load generator that is cut off, or sent away, and comes back; its wire says how. */
import { connect, type Socket } from 'node:net'
import { monotonicMs } from './monotonic-ms.js'
import type { ReturningWire } from './returning-wire.js'
import type { SourceAddress } from './source-address.js'

export interface ReturningMemberOptions {
  readonly port: number
  readonly wire: ReturningWire
  /** An address of its own for each attempt: connections that are over hold theirs for a minute. */
  readonly source: (attempt: number) => SourceAddress
}

/** Nobody keeps a view of it. */
const shared = Buffer.alloc(256 * 1024)

export class ReturningMember {
  readonly wire: ReturningWire
  /** For each time that it was in, lost its connection and was in again. */
  readonly awayMs: number[] = []
  /** Connections that the server ended without a GOAWAY before. */
  endedWithoutNotice = 0
  private socket: Socket | undefined
  private attempts = 0
  private inSinceMs = 0
  private lostAtMs: number | undefined
  private goAwayAtMs = 0
  private isStopped = false
  private entered: (() => void) | undefined

  constructor(private readonly options: ReturningMemberOptions) {
    this.wire = options.wire
  }

  /** Resolves when it is in for the first time, however many attempts that takes. */
  enter(): Promise<void> {
    return new Promise((resolve) => {
      this.entered = resolve
      this.connect()
    })
  }

  publish(index: number): void {
    const frame = this.wire.publish(index)
    if (frame !== undefined) this.socket?.write(frame)
  }

  /**
   * Loses its connection without a word, and what was under way on it; the next attempt is made when its own client would,
   * `offlineMs` later at the soonest.
   */
  cut(offlineMs: number): void {
    if (this.wire.isIn) this.lose(offlineMs)
  }

  stop(): void {
    this.isStopped = true
    this.socket?.destroy()
  }

  private connect(): void {
    const { port, source } = this.options
    const callback = (bytes: number): boolean => {
      if (this.socket === socket) this.read(socket, shared.subarray(0, bytes))
      return true
    }
    const socket = connect({
      host: '127.0.0.1',
      port,
      ...source(this.attempts),
      noDelay: true,
      onread: { buffer: shared, callback },
    })
    this.attempts += 1
    this.socket = socket
    socket.on('connect', () => socket.write(this.wire.open()))
    socket.on('error', () => undefined)
    // Who was cut has another one by then.
    socket.on('close', () => this.socket === socket && this.lose())
  }

  private read(socket: Socket, chunk: Buffer): void {
    const { wire } = this
    const wasIn = wire.isIn
    const hadSlot = wire.slotMs !== undefined
    const answer = wire.read(chunk)
    if (answer !== undefined) socket.write(answer)
    if (!hadSlot && wire.slotMs !== undefined) this.goAwayAtMs = monotonicMs()
    if (!wasIn && wire.isIn) this.isBack()
  }

  private isBack(): void {
    this.inSinceMs = monotonicMs()
    if (this.lostAtMs !== undefined) this.awayMs.push(monotonicMs() - this.lostAtMs)
    this.lostAtMs = undefined
    this.entered?.()
  }

  /** Without `offlineMs` it was the other side that ended it. The next attempt is made when the wire says. */
  private lose(offlineMs?: number): void {
    const { wire, socket } = this
    this.socket = undefined
    socket?.resetAndDestroy()
    if (this.isStopped) return
    if (wire.isIn) {
      this.lostAtMs = monotonicMs()
      if (offlineMs === undefined && wire.slotMs === undefined) this.endedWithoutNotice += 1
    }
    const waitMs = Math.max(offlineMs ?? 0, this.waitMs())
    wire.lost()
    setTimeout(() => !this.isStopped && this.connect(), waitMs)
  }

  private waitMs(): number {
    const { slotMs, isIn } = this.wire
    if (slotMs !== undefined) return Math.max(0, this.goAwayAtMs + slotMs - monotonicMs())
    return this.wire.backoffMs(isIn ? monotonicMs() - this.inSinceMs : undefined)
  }
}
