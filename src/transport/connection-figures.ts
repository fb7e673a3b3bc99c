import type { Socket } from 'node:net'

/** What one connection has done so far, and how it stands. */
export interface ConnectionFigures {
  readonly bytesIn: number
  /** Handed to the system; what still waits for it is not among them. */
  readonly bytesOut: number
  readonly framesIn: number
  /** Sent and not confirmed, or not sent yet; of a client that confirms nothing only the latter. */
  readonly waitingBytes: number
  /** In the clock's uptime. */
  readonly openedAtMs: number
  /** The server does not read it now: it asks too much, or too fast, or does not take its answers. */
  readonly isHeld: boolean
}

interface Parts {
  readonly socket: Socket
  readonly intake: { readonly frames: number; readonly isHeld: boolean }
  readonly outbox: { readonly waitingBytes: number }
  readonly openedAtMs: number
}

/** Reads what is kept anyway; nothing of it is on the way of a frame. */
export const figuresOf = ({ socket, intake, outbox, openedAtMs }: Parts): ConnectionFigures => ({
  bytesIn: socket.bytesRead,
  bytesOut: socket.bytesWritten - socket.writableLength,
  framesIn: intake.frames,
  waitingBytes: outbox.waitingBytes,
  openedAtMs,
  isHeld: intake.isHeld,
})
