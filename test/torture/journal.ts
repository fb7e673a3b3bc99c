/** What one client did and saw, in its order: all that the checker knows of a run. Plain data. */

export interface SentEvent {
  readonly kind: 'sent'
  readonly room: string
  /** The message id in hex. */
  readonly message: string
  /** Counts what this client sent, from 1 on. */
  readonly number: number
  readonly content: string
}

export interface RecordEvent {
  readonly room: string
  readonly epoch: number
  readonly seq: number
  readonly prev: number
  readonly timeMs: number
  /** Equal for equal records, and for no others. */
  readonly content: string
  /** Of texts. */
  readonly message?: string
}

export type JournalEvent =
  | SentEvent
  /** A try after the first. */
  | { readonly kind: 'resent'; readonly message: string }
  | {
      readonly kind: 'acked'
      readonly message: string
      readonly seq: number
      /** It was in the log before it was sent for the last time. */
      readonly isRecognised: boolean
    }
  /** An ERROR after which the message is certain not to be in the log. */
  | { readonly kind: 'refused'; readonly message: string; readonly code: number }
  /** An ERROR that leaves it open. */
  | { readonly kind: 'doubted'; readonly message: string; readonly code: number }
  | { readonly kind: 'connected' }
  /** A CLOSE; `dozes`: of a client that stops reading now and then. */
  | { readonly kind: 'closed'; readonly code: number; readonly dozes: boolean }
  /** A CLOSE that names another server; `inARow`: since it was let in. */
  | { readonly kind: 'redirected'; readonly code: number; readonly inARow: number }
  /** The server would not take a ticket that it had given. */
  | { readonly kind: 'ticketRefused'; readonly code: number }
  | { readonly kind: 'joined'; readonly room: string; readonly epoch: number; readonly seq: number }
  | {
      readonly kind: 'resumed'
      readonly room: string
      readonly epoch: number
      readonly from: number
      readonly to: number
      /** `leftOut`: RESUMED says nothing of a room that RESUME named. */
      readonly outcome: 'whole' | 'gap' | 'notAMember' | 'leftOut'
    }
  | ({ readonly kind: 'delivered' } & RecordEvent)
  | {
      readonly kind: 'gap'
      readonly room: string
      readonly epoch: number
      readonly from: number
      readonly to: number
      readonly reason: 'trimmed' | 'epochChanged' | 'aheadOfLog'
      /** Unix milliseconds of the receipt. */
      readonly atMs: number
    }
  /** Read from the log after the run, not delivered. */
  | ({ readonly kind: 'read' } & RecordEvent)
  /** The server did what the protocol forbids. */
  | { readonly kind: 'misbehaved'; readonly details: string }

export type Journal = readonly JournalEvent[]
