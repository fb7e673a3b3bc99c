/**
 * Frames on their way to one socket. All frames of a tick leave in one write of one buffer; concatenating 512 frames of
 * 64 bytes measured as fast as cork/uncork with a write each (4.0 M frames/s both on loopback, Node 20) and keeps a
 * single write request. Bounded in bytes, those inside the socket included.
 */
import type { Socket } from 'node:net'

export class Outgoing {
  private frames: Buffer[] = []
  private heldBytes = 0
  private leaving: Promise<boolean> | undefined
  private settleLeaving: ((isWritten: boolean) => void) | undefined
  private waiters: (() => void)[] = []
  private isAbandoned = false
  private readonly flushNow = (): void => this.flush()

  constructor(
    private readonly socket: Socket,
    private readonly maxBytes: number,
  ) {}

  /** False if more than `maxBytes` would wait; the frame is dropped then. */
  offer(frame: Buffer): boolean {
    if (this.heldBytes + this.socket.writableLength + frame.length > this.maxBytes) return false
    this.push(frame)
    return true
  }

  /** False if `offer` would refuse it, unless nothing else waits: then waiting would be in vain. */
  hasRoomFor(frameBytes: number): boolean {
    const waitingBytes = this.heldBytes + this.socket.writableLength
    return waitingBytes === 0 || waitingBytes + frameBytes <= this.maxBytes
  }

  /** Resolves at the end of the next write, or when there will be none. */
  whenRoom(): Promise<void> {
    if (this.isAbandoned) return Promise.resolve()
    return new Promise((resolve) => this.waiters.push(resolve))
  }

  /** For control packets, which are few and must not be refused. */
  push(frame: Buffer): void {
    if (this.frames.length === 0) setImmediate(this.flushNow)
    this.frames.push(frame)
    this.heldBytes += frame.length
  }

  /** True once all that is held now was handed to the system, false if it will not be; one promise a tick. */
  whenWritten(): Promise<boolean> {
    this.leaving ??= new Promise((resolve) => (this.settleLeaving = resolve))
    return this.leaving
  }

  flush(): void {
    const { frames, heldBytes, settleLeaving } = this
    const [first] = frames
    if (first === undefined) return
    this.frames = []
    this.heldBytes = 0
    this.leaving = undefined
    this.settleLeaving = undefined
    const bytes = frames.length === 1 ? first : Buffer.concat(frames, heldBytes)
    this.socket.write(bytes, (error) => {
      settleLeaving?.(!error)
      this.wake()
    })
  }

  /** Forgets what is held; for a socket that is gone. */
  abandon(): void {
    this.isAbandoned = true
    this.frames = []
    this.heldBytes = 0
    this.settleLeaving?.(false)
    this.wake()
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter()
  }
}
