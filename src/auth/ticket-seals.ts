/** The seal of new tickets, and the one before it: whoever holds a ticket of that need not log in again. */
import { TicketSeal, type Ticket } from './ticket.js'

export class TicketSeals {
  private current: TicketSeal
  private earlier: { readonly seal: TicketSeal; readonly untilMs: number } | undefined

  constructor(
    private secret: string,
    private readonly now: () => number,
  ) {
    this.current = new TicketSeal(secret)
  }

  /** Another secret for new tickets; those of the one before are good until `earlierUntilMs`, those of any older no more. */
  use(secret: string, earlierUntilMs: number): void {
    if (secret === this.secret) return
    this.earlier = { seal: this.current, untilMs: earlierUntilMs }
    this.secret = secret
    this.current = new TicketSeal(secret)
  }

  seal(ticket: Ticket): Buffer {
    return this.current.seal(ticket)
  }

  /** As `TicketSeal.open`. */
  open(bytes: Buffer): Ticket | undefined {
    const { earlier } = this
    if (earlier !== undefined && earlier.untilMs <= this.now()) this.earlier = undefined
    return this.current.open(bytes) ?? this.earlier?.seal.open(bytes)
  }
}
