import { trustedConnectionId, type ConnectionId } from '../../src/protocol/ids.js'
import type { Grant, Principal } from '../../src/transport/authentication.js'
import type { ConnectionFigures } from '../../src/transport/connection-figures.js'
import type { ConnectionHandle, OfferVerdict } from '../../src/transport/connection-handle.js'

/** A connection without a socket: takes grants as the transport's does, and no frames. */
export class DetachedConnection implements ConnectionHandle {
  readonly remoteAddress = '127.0.0.1'
  readonly clientCertificate = undefined
  features = 0
  readonly id: ConnectionId
  grant: Grant | undefined
  readonly isActive = true
  isClosed = false
  queuedBytes = 0

  constructor(name: string) {
    this.id = trustedConnectionId(name)
  }

  get figures(): ConnectionFigures {
    return { bytesIn: 0, bytesOut: 0, framesIn: 0, waitingBytes: 0, openedAtMs: 0, isHeld: false }
  }

  get principal(): Principal | undefined {
    return this.grant?.principal
  }

  admit(grant: Grant): void {
    if (this.isClosed) throw new Error('closed')
    this.grant = grant
  }

  whenRoom(): () => void {
    return () => undefined
  }
  readyToDeliver(): boolean {
    return false
  }
  deliver(): OfferVerdict {
    return 'closed'
  }
  deliverOrDrop(): OfferVerdict {
    return 'closed'
  }

  offer(): OfferVerdict {
    return 'closed'
  }

  close(): void {
    this.isClosed = true
  }

  redirect(): void {
    this.isClosed = true
  }
}
