/**
 * Issues tickets to clients that take part in resume, renews them in-band at half of their life, and reads those that
 * come back. A ticket never outlives the principal; without resume there are none.
 */
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import { MAX_TICKET_TTL_MS } from '../config/session-settings.js'
import { Feature } from '../protocol/constants.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Session } from '../sessions/session.js'
import type { SessionsService } from '../sessions/sessions.service.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import type { Timed, TimerWheel } from '../transport/timer-wheel.js'
import type { Ticket, TicketSeal } from './ticket.js'

const NO_TICKET = Buffer.alloc(0)

interface TicketOfficeParts {
  /** `undefined`: resume is off. */
  readonly seal: Pick<TicketSeal, 'seal' | 'open'> | undefined
  readonly settings: Settings
  readonly clock: Pick<Clock, 'now'>
  readonly wheel: TimerWheel
  readonly sessions: Pick<SessionsService, 'get' | 'onClosed'>
}

export class TicketOffice {
  private readonly renewals = new Map<Session, Renewal>()
  private readonly stopHearing: () => void
  /** Tickets that were issued while they lived longer. */
  private olderTicketsUntilMs = 0

  constructor(private readonly parts: TicketOfficeParts) {
    parts.sessions.onClosed((session) => this.stopRenewing(session))
    this.stopHearing = parts.settings.onChange((_, { sessions: { ticketTtlMs } }) => {
      this.olderTicketsUntilMs = Math.max(this.olderTicketsUntilMs, parts.clock.now() + ticketTtlMs)
    })
  }

  /** The newest ticket of the session, to be sent with what grants it; empty if its client has no use for one. */
  issue(session: Session): Buffer {
    const { seal } = this.parts
    // A ticket would stand for the certificate where nobody shows it.
    if (session.principal.isByCertificate === true) return NO_TICKET
    if (seal === undefined || (session.connection.features & Feature.Resume) === 0) return NO_TICKET
    return this.seal(seal, session).bytes
  }

  /** What is in a ticket that a client shows. Throws TICKET_INVALID; `ForeignTicket` if it was never one. */
  read(bytes: Buffer): Ticket {
    const ticket = this.parts.seal?.open(bytes)
    if (ticket === undefined) throw new ForeignTicket()
    const leftMs = ticket.expiresAtMs - this.parts.clock.now()
    if (leftMs <= 0) throw ticketInvalid('the ticket has expired')
    // Somebody set the clock back: nothing that was revoked since is kept for so long.
    if (leftMs > MAX_TICKET_TTL_MS) throw ticketInvalid('the ticket is from another time')
    return ticket
  }

  /** Unix milliseconds from which on no ticket issued until now is good. */
  get forgetAtMs(): number {
    return Math.max(this.expiryMs, this.olderTicketsUntilMs)
  }

  close(): void {
    this.stopHearing()
    for (const session of this.renewals.keys()) this.stopRenewing(session)
  }

  /** Of a ticket that is issued now. */
  private get expiryMs(): number {
    return this.parts.clock.now() + this.parts.settings.current.sessions.ticketTtlMs
  }

  private seal(
    seal: Pick<TicketSeal, 'seal'>,
    session: Session,
  ): { readonly bytes: Buffer; readonly expiresAtMs: number } {
    const { id, principal, generation } = session
    const expiresAtMs = Math.min(this.expiryMs, principal.expiresAtMs)
    // One that ends with the token is renewed with the token.
    if (expiresAtMs < principal.expiresAtMs) this.renewIn(session, (expiresAtMs - this.parts.clock.now()) / 2)
    else this.stopRenewing(session)
    return { bytes: seal.seal({ session: id, principal, generation, expiresAtMs }), expiresAtMs }
  }

  private renewIn(session: Session, ms: number): void {
    // Its connection may have ended while the session was resumed.
    if (this.parts.sessions.get(session.id) !== session) return
    let renewal = this.renewals.get(session)
    if (renewal === undefined) {
      renewal = new Renewal(() => this.renew(session))
      this.renewals.set(session, renewal)
    }
    const { wheel } = this.parts
    wheel.schedule(renewal, wheel.nowMs + ms)
  }

  private renew(session: Session): void {
    const { seal } = this.parts
    if (seal === undefined) return
    const { bytes, expiresAtMs } = this.seal(seal, session)
    const verdict = session.connection.offer(encodePacket({ kind: 'ticket', expiresAtMs, ticket: bytes }))
    // No room for it now: the client holds a ticket for the other half of its life.
    if (verdict === 'full') this.renewIn(session, this.parts.settings.current.sessions.ticketTtlMs / 8)
  }

  private stopRenewing(session: Session): void {
    const renewal = this.renewals.get(session)
    if (renewal === undefined) return
    this.parts.wheel.cancel(renewal)
    this.renewals.delete(session)
  }
}

class Renewal implements Timed {
  wheelSlot = -1
  dueAtMs = 0
  constructor(readonly onDue: () => void) {}
}

export const ticketInvalid = (reason: string): NestwireException =>
  new NestwireException(ErrorCode.TicketInvalid, reason)

/** Made up, or sealed by somebody else: nobody got it here. */
export class ForeignTicket extends NestwireException {
  constructor() {
    super(ErrorCode.TicketInvalid, 'not a ticket of this server')
  }
}
