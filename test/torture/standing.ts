import type { JournalEvent } from './journal.js'

type GapEvent = Extract<JournalEvent, { kind: 'gap' }>

/** Where one client stands in one room, as its journal has it. */
export interface Standing {
  /** Everything after it must come. */
  readonly start: number
  position: number
  /** RESUMED said that a GAP comes next. */
  awaitsGap: boolean
  /** RESUMED said that everything up to there comes. */
  wholeTo: number
  /** The newest of its own messages that it knows to be in the log. */
  acked: number
  readonly gaps: ToldGap[]
}

export interface ToldGap extends GapEvent {
  readonly wholeTo: number
}

export const newStanding = (position: number): Standing => ({
  start: position,
  position,
  awaitsGap: false,
  wholeTo: 0,
  acked: 0,
  gaps: [],
})
