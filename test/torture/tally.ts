/** Counts over journals: how much was tried, and of what kind. */
import type { Journal, JournalEvent } from './journal.js'

export interface Tally {
  /** First tries. */
  sent: number
  sentAgain: number
  acknowledged: number
  /** Sent again though it was in the log already, and answered with the first one's place. */
  repeatsRecognised: number
  /** Refused as not logged. */
  refused: number
  /** Answered by an error that leaves it open. */
  doubtful: number
  deliveries: number
  connections: number
  redirects: number
  /** Rooms that a RESUMED told of. */
  roomsResumedWhole: number
  roomsResumedWithGap: number
  gaps: number
  /** Records of the log that were read after the run. */
  recordsRead: number
}

export const newTally = (): Tally => ({
  sent: 0,
  sentAgain: 0,
  acknowledged: 0,
  repeatsRecognised: 0,
  refused: 0,
  doubtful: 0,
  deliveries: 0,
  connections: 0,
  redirects: 0,
  roomsResumedWhole: 0,
  roomsResumedWithGap: 0,
  gaps: 0,
  recordsRead: 0,
})

export function count(tally: Tally, journal: Journal): void {
  for (const event of journal) {
    const figure = figureOf(event)
    if (figure !== undefined) tally[figure] += 1
    if (event.kind === 'acked' && event.isRecognised) tally.repeatsRecognised += 1
  }
}

function figureOf(event: JournalEvent): keyof Tally | undefined {
  switch (event.kind) {
    case 'sent':
      return 'sent'
    case 'resent':
      return 'sentAgain'
    case 'acked':
      return 'acknowledged'
    case 'refused':
      return 'refused'
    case 'doubted':
      return 'doubtful'
    case 'delivered':
      return 'deliveries'
    case 'connected':
      return 'connections'
    case 'redirected':
      return 'redirects'
    case 'gap':
      return 'gaps'
    case 'read':
      return 'recordsRead'
    case 'resumed':
      return event.outcome === 'whole' ? 'roomsResumedWhole' : 'roomsResumedWithGap'
    case 'joined':
    case 'closed':
    case 'ticketRefused':
    case 'misbehaved':
      return undefined
  }
}
