/**
 * A client comes back: its ticket gives it the session again, its positions tell what it missed. RESUMED is the answer;
 * deliveries begin behind it. The ticket that was shown stays good until the client has answered the PING behind
 * RESUMED, which shows that it holds the new one.
 */
import { Injectable } from '@nestjs/common'
import { LoginBackoff } from '../abuse/login-backoff.js'
import { UserLimits } from '../abuse/user-limits.js'
import { AuthService, type LoginReply } from '../auth/auth.service.js'
import { LoginRate } from '../auth/login-rate.js'
import { ForeignTicket, TicketOffice, ticketInvalid } from '../auth/ticket-office.js'
import type { Ticket } from '../auth/ticket.js'
import { ClusterRouter } from '../cluster/cluster-router.js'
import { CloseCode } from '../protocol/close-codes.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { ResumeOutcome, type ResumedRoom } from '../protocol/packets.js'
import { RoomResumption, type RoomsToResume } from '../rooms/room-resumption.service.js'
import type { Session } from '../sessions/session.js'
import { SessionsService, type ResumeVerdict } from '../sessions/sessions.service.js'
import type { ConnectionHandle, ConnectionObserver } from '../transport/connection-handle.js'
import type { ResumeCall } from './resume-call.js'

/** What `auth.resume` answers: RESUMED in long form. */
export interface ResumeReply extends LoginReply {
  readonly rooms: readonly ResumedRoom[]
}

interface Resumption {
  readonly session: Session
  readonly survey: RoomsToResume
}

/** Of the PING behind RESUMED; those that ask for a sign of life have 1. */
const RESUMED_PING = 2
const PING_FRAME = encodePacket({ kind: 'ping', correlation: RESUMED_PING })

const refusals = {
  replayed: 'the ticket was used and another one taken for it',
  revoked: 'the session was ended',
} as const

@Injectable()
export class ResumeService implements ConnectionObserver {
  /** Sessions that were taken up again with all they had missed, */
  complete = 0
  /** and those that missed for good what some room had said. */
  withGap = 0
  /** Of connections whose RESUMED is not queued yet. All of this goes with the connection. */
  private readonly unanswered = new WeakMap<ConnectionHandle, Resumption>()
  /** Of those that have not shown yet that they hold their new ticket. */
  private readonly unconfirmed = new WeakMap<ConnectionHandle, Session>()

  constructor(
    private readonly auth: AuthService,
    private readonly tickets: TicketOffice,
    private readonly rate: LoginRate,
    private readonly backoff: LoginBackoff,
    private readonly limits: UserLimits,
    private readonly router: ClusterRouter,
    private readonly sessions: SessionsService,
    private readonly rooms: RoomResumption,
  ) {}

  /**
   * Rejects with TICKET_INVALID; closes the connection while too many come in, or too many of its address or user, if the user belongs to another node, where
   * the ticket is as good, or if another one was faster.
   */
  async resume(
    connection: ConnectionHandle,
    { redirects, ticket: bytes, positions }: ResumeCall,
  ): Promise<ResumeReply> {
    const ticket = this.read(connection, bytes)
    this.router.refuseElsewhere(connection, ticket.principal, redirects)
    this.rate.check(connection)
    this.limits.admit(connection, ticket.principal, this.othersOf(ticket))
    this.rate.admit(connection)
    const forgetAtMs = Math.max(ticket.expiresAtMs, this.tickets.forgetAtMs)
    const session = this.sessionOf(connection, await this.sessions.resume(connection, ticket, forgetAtMs))
    // Many that came in one moment have found each other only now.
    this.limits.checkConnected(connection, ticket.principal.role, this.othersOf(ticket))
    const survey = await this.rooms.survey(session, positions)
    this.unanswered.set(connection, { session, survey })
    return {
      ...this.auth.grantOf(session),
      // Read when RESUMED is written.
      get rooms() {
        return survey.answer()
      },
    }
  }

  connectionActive(connection: ConnectionHandle): void {
    const resumption = this.unanswered.get(connection)
    if (resumption === undefined) return
    this.unanswered.delete(connection)
    this.unconfirmed.set(connection, resumption.session)
    if (resumption.survey.answer().some(({ outcome }) => outcome === ResumeOutcome.Gap)) this.withGap += 1
    else this.complete += 1
    resumption.survey.attach()
    connection.offer(PING_FRAME)
  }

  connectionPonged(connection: ConnectionHandle, correlation: number): void {
    const session = this.unconfirmed.get(connection)
    if (session === undefined || correlation !== RESUMED_PING) return
    this.unconfirmed.delete(connection)
    // If that cannot be saved, the ticket before counts until the next resume. Who writes messages is told of the disk.
    this.sessions.confirm(session).catch(() => undefined)
  }

  /** Connections of its user beside the one that it is for. */
  private othersOf({ principal, session }: Ticket): number {
    return this.sessions.of(principal.user).filter(({ id }) => id !== session).length
  }

  private read(connection: ConnectionHandle, bytes: Buffer): Ticket {
    this.backoff.check(connection)
    try {
      return this.tickets.read(bytes)
    } catch (error) {
      if (error instanceof ForeignTicket) this.backoff.failed(connection)
      throw error
    }
  }

  private sessionOf(connection: ConnectionHandle, verdict: ResumeVerdict): Session {
    if (verdict.kind === 'resumed') return verdict.session
    if (verdict.kind !== 'overtaken') throw ticketInvalid(refusals[verdict.kind])
    const reason = 'the session goes on on another connection'
    connection.close(CloseCode.TakenOver, reason)
    throw ticketInvalid(reason)
  }
}
