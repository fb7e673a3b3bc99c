/**
 * All sessions, by id and by user. A session lives as long as its connection; memberships are the rooms' business.
 * Expiry is enforced by the transport, from the principal that the connection was admitted with.
 */
import { randomBytes } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { trustedSessionId, type SessionId, type UserId } from '../protocol/ids.js'
import type { Principal } from '../transport/authentication.js'
import type { ConnectionHandle, ConnectionObserver } from '../transport/connection-handle.js'
import { Session } from './session.js'

const SESSION_ID_BYTES = 16

type SessionListener = (session: Session) => void

@Injectable()
export class SessionsService implements ConnectionObserver {
  readonly #byId = new Map<SessionId, Session>()
  /** Nearly every user has one device: the session itself then, no array around it. */
  readonly #byUser = new Map<UserId, Session | readonly Session[]>()
  readonly #closedListeners: SessionListener[] = []

  get count(): number {
    return this.#byId.size
  }

  get(id: SessionId): Session | undefined {
    return this.#byId.get(id)
  }

  /** The session of a connection; `undefined` before AUTH_OK and after the end. */
  ofConnection(connection: ConnectionHandle): Session | undefined {
    const id = connection.grant?.session
    return id === undefined ? undefined : this.#byId.get(id)
  }

  /** Every device of a user that is connected now. */
  of(user: UserId): readonly Session[] {
    const found = this.#byUser.get(user)
    if (found === undefined) return []
    return found instanceof Session ? [found] : found
  }

  /** Admits the connection and starts its session. Throws, without a session, if the connection ended meanwhile. */
  open(connection: ConnectionHandle, principal: Principal): Session {
    const session = new Session(newSessionId(), connection, principal)
    connection.admit({ principal, session: session.id })
    this.#byId.set(session.id, session)
    const others = this.of(principal.user)
    this.#byUser.set(principal.user, others.length === 0 ? session : [...others, session])
    return session
  }

  /** Gives a session a newer principal of the same user; it keeps its id and rooms. */
  refresh(session: Session, principal: Principal): void {
    session.principal = principal
    session.connection.admit({ principal, session: session.id })
  }

  connectionClosed(connection: ConnectionHandle): void {
    const session = this.ofConnection(connection)
    if (session === undefined) return
    const { user } = session.principal
    this.#byId.delete(session.id)
    const [first, ...more] = this.of(user).filter((other) => other !== session)
    if (first === undefined) this.#byUser.delete(user)
    else this.#byUser.set(user, more.length === 0 ? first : [first, ...more])
    for (const listener of this.#closedListeners) listener(session)
  }

  /** Calls `listener` once for each session that is over, when it can no longer be found here. Lives as long as the service. */
  onClosed(listener: SessionListener): void {
    this.#closedListeners.push(listener)
  }
}

const newSessionId = (): SessionId => trustedSessionId(randomBytes(SESSION_ID_BYTES).toString('base64url'))
