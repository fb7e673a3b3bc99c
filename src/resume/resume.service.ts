/**
 * A client comes back: its ticket gives it the session again, its positions tell what it missed. RESUMED is the answer;
 * deliveries begin behind it. The ticket that was shown stays good until the client has answered the PING behind
 * RESUMED, which shows that it holds the new one.
 */
import { Injectable } from '@nestjs/common'
import { AuthService, type LoginReply } from '../auth/auth.service.js'
import { LoginRate } from '../auth/login-rate.js'
import { TicketOffice, ticketInvalid } from '../auth/ticket-office.js'
import { CloseCode } from '../protocol/close-codes.js'
import { encodePacket } from '../protocol/encode-packet.js'
import type { ResumedRoom } from '../protocol/packets.js'
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
  /** Of connections whose RESUMED is not queued yet. All of this goes with the connection. */
  private readonly unanswered = new WeakMap<ConnectionHandle, Resumption>()
  /** Of those that have not shown yet that they hold their new ticket. */
  private readonly unconfirmed = new WeakMap<ConnectionHandle, Session>()

  constructor(
    private readonly auth: AuthService,
    private readonly tickets: TicketOffice,
    private readonly rate: LoginRate,
    private readonly sessions: SessionsService,
    private readonly rooms: RoomResumption,
  ) {}

  /** Rejects with TICKET_INVALID; closes the connection while too many come in, or if another one was faster. */
  async resume(connection: ConnectionHandle, { ticket: bytes, positions }: ResumeCall): Promise<ResumeReply> {
    const ticket = this.tickets.read(bytes)
    this.rate.admit(connection)
    const forgetAtMs = Math.max(ticket.expiresAtMs, this.tickets.forgetAtMs)
    const session = this.sessionOf(connection, await this.sessions.resume(connection, ticket, forgetAtMs))
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

  private sessionOf(connection: ConnectionHandle, verdict: ResumeVerdict): Session {
    if (verdict.kind === 'resumed') return verdict.session
    if (verdict.kind !== 'overtaken') throw ticketInvalid(refusals[verdict.kind])
    const reason = 'the session goes on on another connection'
    connection.close(CloseCode.TakenOver, reason)
    throw ticketInvalid(reason)
  }
}
