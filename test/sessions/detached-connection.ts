import { trustedConnectionId, type ConnectionId } from '../../src/protocol/ids.js'
import type { Grant, Principal } from '../../src/transport/authentication.js'
import type { ConnectionHandle, OfferVerdict } from '../../src/transport/connection-handle.js'

/** A connection without a socket: takes grants as the transport's does, and no frames. */
export class DetachedConnection implements ConnectionHandle {
  readonly remoteAddress = '127.0.0.1'
  features = 0
  readonly id: ConnectionId
  grant: Grant | undefined
  readonly isActive = true
  isClosed = false

  constructor(name: string) {
    this.id = trustedConnectionId(name)
  }

  get principal(): Principal | undefined {
    return this.grant?.principal
  }

  admit(grant: Grant): void {
    if (this.isClosed) throw new Error('closed')
    this.grant = grant
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
}
