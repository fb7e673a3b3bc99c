/**
 * All sessions, by id and by user. A session is here as long as its connection, and may come back on another one;
 * memberships are the rooms' business. Expiry is enforced by the transport, from the principal that the connection was
 * admitted with.
 */
import { Injectable } from '@nestjs/common'
import { CloseCode } from '../protocol/close-codes.js'
import type { SessionId, UserId } from '../protocol/ids.js'
import type { Principal } from '../transport/authentication.js'
import type { ConnectionHandle, ConnectionObserver } from '../transport/connection-handle.js'
import { FIRST_GENERATION } from './session-generation.js'
import { SessionGenerations, type AdvanceVerdict } from './session-generations.js'
import { newSessionId } from './session-id.js'
import { Session } from './session.js'

type SessionListener = (session: Session) => void

/** What a ticket says of the session it is for. */
interface ResumedSession {
  readonly session: SessionId
  readonly principal: Principal
  readonly generation: number
}

export type ResumeVerdict =
  | { readonly kind: 'resumed'; readonly session: Session }
  | { readonly kind: Exclude<AdvanceVerdict['kind'], 'advanced'> }

@Injectable()
export class SessionsService implements ConnectionObserver {
  readonly #byId = new Map<SessionId, Session>()
  /** Nearly every user has one device: the session itself then, no array around it. */
  readonly #byUser = new Map<UserId, Session | readonly Session[]>()
  readonly #closedListeners: SessionListener[] = []

  constructor(private readonly generations: SessionGenerations) {}

  get count(): number {
    return this.#byId.size
  }

  get(id: SessionId): Session | undefined {
    return this.#byId.get(id)
  }

  /** The session of a connection; `undefined` before AUTH_OK and after the end. */
  ofConnection(connection: ConnectionHandle): Session | undefined {
    const id = connection.grant?.session
    const session = id === undefined ? undefined : this.#byId.get(id)
    return session?.connection === connection ? session : undefined
  }

  /** Every device of a user that is connected now. */
  of(user: UserId): readonly Session[] {
    const found = this.#byUser.get(user)
    if (found === undefined) return []
    return found instanceof Session ? [found] : found
  }

  /** Admits the connection and starts its session. Throws, without a session, if the connection ended meanwhile. */
  open(connection: ConnectionHandle, principal: Principal): Session {
    return this.start(new Session(newSessionId(), connection, principal, FIRST_GENERATION))
  }

  /**
   * Gives a session to the connection that shows a good ticket for it: the newest comer wins, and a connection that
   * still has the session is closed. What must be kept of it for the sake of older tickets goes at `forgetAtMs`.
   * Rejects if the connection ended meanwhile, or the store cannot be written.
   */
  resume(connection: ConnectionHandle, resumed: ResumedSession, forgetAtMs: number): Promise<ResumeVerdict> {
    const { session: id, principal, generation } = resumed
    return this.generations.inTurn(id, async () => {
      const verdict = await this.generations.advance(id, generation, {
        forgetAtMs,
        isGone: () => connection.isClosed,
      })
      if (verdict.kind !== 'advanced') return verdict
      const session = this.start(new Session(id, connection, principal, verdict.generation))
      // What another node did a moment ago may have been told before there was a session here to end.
      return (await this.generations.isOvertaken(session)) ? { kind: 'overtaken' } : { kind: 'resumed', session }
    })
  }

  /** The client holds the ticket that this session was resumed with: earlier ones count no more. */
  confirm({ id, generation }: Session): Promise<void> {
    return this.generations.inTurn(id, () => this.generations.confirm(id, generation))
  }

  /**
   * Ends a session for good: no ticket of it counts any more, and its connection, if it has one, is closed. The user may
   * log in again with a token. False if it was revoked already.
   */
  revoke(id: SessionId): Promise<boolean> {
    return this.generations.inTurn(id, async () => {
      const isNew = await this.generations.revoke(id)
      this.get(id)?.connection.close(CloseCode.SessionRevoked, 'the session was ended')
      return isNew
    })
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

  /** Calls `listener` once for each session that is over, when it cannot be found here any more; as long as this lives. */
  onClosed(listener: SessionListener): void {
    this.#closedListeners.push(listener)
  }

  private start(session: Session): Session {
    const { id, connection, principal } = session
    connection.admit({ principal, session: id })
    this.get(id)?.connection.close(CloseCode.TakenOver, 'the session goes on on another connection')
    this.#byId.set(id, session)
    const others = this.of(principal.user)
    this.#byUser.set(principal.user, others.length === 0 ? session : [...others, session])
    return session
  }
}
