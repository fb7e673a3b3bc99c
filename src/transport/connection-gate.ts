/** Who may come in, asked when a connection is accepted. The transport by itself knows only how many there may be. */
import type { CloseCode } from '../protocol/close-codes.js'

export interface ConnectionGate {
  /** Empty for a socket that is gone again. */
  enter(remoteAddress: string): Pass | Refusal
}

/** Somebody was let in. */
export interface Pass {
  readonly kind: 'passed'
  /** An address: what is scarce is shared out by it. Absent: whoever has this pass counts alone. */
  readonly party?: string
  /** Called once for each `enter`, when the socket is gone. */
  leave(): void
}

/** What the client is told instead. */
export interface Refusal {
  readonly kind: 'refused'
  readonly code: CloseCode
  readonly message: string
  readonly retryAfterMs: number
}

/** For whom nobody counts. */
export const FREE_PASS: Pass = { kind: 'passed', leave: () => undefined }
