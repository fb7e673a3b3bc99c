/**
 * A Socket.IO 4 client that comes back as its own client does: over WebSocket alone, with the id and the offset that
 * connection state recovery wants. What is emitted while it is away goes out when it is back; nothing is sent twice.
 */
import { indexedMessage, indexOf } from './indexed-message.js'
import type { Heard, ReturningWire } from './returning-wire.js'
import { CLOSE_FRAME, HTTP_END, TEXT_FRAME, upgrade, webSocketFrame } from './rival-dialects.js'
import { WebSocketFrames, type WebSocketFrame } from './web-socket-frames.js'

/** Of its own client: `reconnectionDelay`, `reconnectionDelayMax`, `randomizationFactor`. */
const [FIRST_BACKOFF_MS, MAX_BACKOFF_MS, SPREAD] = [1_000, 5_000, 0.5]

// First what is Engine.IO's, then what is Socket.IO's.
const ENGINE_OPEN = '0'
const ENGINE_PING = '2'
const ENGINE_PONG = '3'
const CONNECT = '40'
const EVENT = '42'

export class ReturningSocketIo implements ReturningWire {
  isIn = false
  readonly slotMs = undefined
  readonly unanswered = 0
  fault: string | undefined
  private head: string | undefined
  private frames = new WebSocketFrames()
  private pid: string | undefined
  private offset: string | undefined
  private waiting: Buffer[] = []
  private answers: Buffer[] = []
  private failures = 0

  constructor(
    private readonly room: string,
    private readonly heard: Heard,
  ) {}

  open(): Buffer {
    this.head = ''
    this.frames = new WebSocketFrames()
    return upgrade(`/socket.io/?EIO=4&transport=websocket&room=${this.room}`)
  }

  read(chunk: Buffer): Buffer | undefined {
    const rest = this.skipHead(chunk)
    if (rest !== undefined) for (const frame of this.frames.push(rest)) this.takeFrame(frame)
    if (this.answers.length === 0) return undefined
    const bytes = Buffer.concat(this.answers)
    this.answers = []
    return bytes
  }

  lost(): void {
    this.isIn = false
  }

  publish(index: number): Buffer | undefined {
    const frame = textFrame(`${EVENT}${JSON.stringify(['m', indexedMessage(index)])}`)
    if (this.isIn) return frame
    this.waiting.push(frame)
    return undefined
  }

  backoffMs(activeMs: number | undefined): number {
    if (activeMs !== undefined) this.failures = 0
    const delayMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.failures, MAX_BACKOFF_MS)
    this.failures += 1
    return delayMs * (1 - SPREAD + 2 * SPREAD * Math.random())
  }

  /** What comes after the answer to the upgrade. */
  private skipHead(chunk: Buffer): Buffer | undefined {
    if (this.head === undefined) return chunk
    const before = this.head.length
    this.head += chunk.toString('latin1')
    const end = this.head.indexOf(HTTP_END)
    if (end < 0) return undefined
    this.head = undefined
    return chunk.subarray(end + HTTP_END.length - before)
  }

  private takeFrame({ opcode, body }: WebSocketFrame): void {
    if (opcode === TEXT_FRAME) this.take(body.toString())
    // The server ends the connection when it is answered.
    else if (opcode === CLOSE_FRAME) this.answers.push(webSocketFrame(CLOSE_FRAME, Buffer.from(body), true))
  }

  private take(text: string): void {
    if (text.startsWith(EVENT)) this.takeEvent(text.slice(EVENT.length))
    else if (text.startsWith(CONNECT)) this.takeConnect(text.slice(CONNECT.length))
    else if (text === ENGINE_PING) this.answers.push(textFrame(ENGINE_PONG))
    else if (text.startsWith(ENGINE_OPEN)) {
      const { pid, offset } = this
      this.answers.push(textFrame(CONNECT + (pid === undefined ? '' : JSON.stringify({ pid, offset }))))
    }
  }

  private takeConnect(json: string): void {
    const { pid } = JSON.parse(json) as { readonly pid?: string }
    this.pid = pid
    this.isIn = true
    this.answers.push(...this.waiting)
    this.waiting = []
  }

  /** With recovery on, the last argument is the offset. */
  private takeEvent(json: string): void {
    const [, message, offset] = JSON.parse(json) as [string, string, string?]
    this.offset = offset ?? this.offset
    this.heard(indexOf(message))
  }
}

const textFrame = (text: string): Buffer => webSocketFrame(TEXT_FRAME, Buffer.from(text), true)
