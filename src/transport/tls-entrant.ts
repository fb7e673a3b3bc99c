/** A socket on its way through the door of TLS, from accept to the end of the handshake. */
import type { Socket } from 'node:net'
import type { Accepted } from './accepted.js'
import type { Arrival } from './arrival-line.js'
import type { Timed } from './timer-wheel.js'

interface EntrantDoor {
  /** The first bytes are in the socket again. */
  spoke(entrant: TlsEntrant, firstByte: number | undefined): void
  overdue(entrant: TlsEntrant): void
  gone(entrant: TlsEntrant): void
}

export class TlsEntrant implements Arrival, Timed {
  wheelSlot = -1
  dueAtMs = 0
  private readonly onData = (chunk: Buffer): void => {
    const { socket } = this.accepted
    socket.off('data', this.onData)
    socket.off('end', this.onEnd)
    socket.pause()
    // TLS reads what is in the socket first.
    socket.unshift(chunk)
    this.door.spoke(this, chunk[0])
  }
  private readonly onEnd = (): void => void this.accepted.socket.destroy()
  private readonly onClose = (): void => this.door.gone(this)

  constructor(
    readonly endpoint: string,
    readonly accepted: Accepted,
    private readonly door: EntrantDoor,
  ) {
    const { socket } = accepted
    socket.on('data', this.onData)
    socket.on('end', this.onEnd)
    socket.on('close', this.onClose)
    // Stays: a reset after the handshake is reported to both, the socket and the TLS on it.
    socket.on('error', ignore)
  }

  startReading(): void {
    this.accepted.socket.resume()
  }

  stopReading(): void {
    this.accepted.socket.pause()
  }

  onDue(): void {
    this.door.overdue(this)
  }

  letGo(): void {
    const { socket } = this.accepted
    socket.off('data', this.onData)
    socket.off('end', this.onEnd)
    socket.off('close', this.onClose)
  }
}

/** Both ends: no two sockets share them. `undefined` of one that is gone. */
export const endpointOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string | undefined =>
  remoteAddress === undefined || localAddress === undefined
    ? undefined
    : `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`

const ignore = (): void => undefined
