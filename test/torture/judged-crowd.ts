/** Clients that write journals, and the checker that reads them: as they go, and whole when all is over. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RoomId } from '../../src/protocol/ids.js'
import { audit } from './audit.js'
import { Checker, type CheckerOptions } from './checker.js'
import type { Journal } from './journal.js'
import { count, newTally } from './tally.js'
import type { Violation } from './violation.js'

export interface Participant {
  readonly user: string
  /** Everything that it sent has its answer. */
  readonly isAnswered: boolean
  positionIn(room: RoomId): number | undefined
  /** What it wrote since the last time. */
  takeJournal(): Journal
  /** Sends nothing new and stays connected from here on. */
  rest(): void
  stop(): void
}

interface CrowdOptions extends CheckerOptions {
  readonly rooms: readonly RoomId[]
  /** For answers, and then for everybody to come to the end; default 60 s. */
  readonly settleTimeoutMs?: number
  readonly participants: readonly Participant[]
}

const DEFAULT_SETTLE_TIMEOUT_MS = 60_000

export class JudgedCrowd {
  readonly figures = newTally()
  private readonly checker: Checker

  constructor(private readonly options: CrowdOptions) {
    this.checker = new Checker(options)
  }

  get participants(): readonly Participant[] {
    return this.options.participants
  }

  get violations(): readonly Violation[] {
    return this.checker.violations
  }

  /** Judges what was written since the last time, as far as that can be judged before the end. */
  look(): void {
    this.accept(new Map(this.participants.map((participant) => [participant.user, participant.takeJournal()])))
    this.checker.review()
  }

  /** Everybody gets its answers and comes to the end of each room; a stranger reads the log; all of it is judged. */
  async end(port: number, auditorsToken: string): Promise<void> {
    const { participants, rooms, settleTimeoutMs = DEFAULT_SETTLE_TIMEOUT_MS } = this.options
    for (const participant of participants) participant.rest()
    await until(() => participants.every(({ isAnswered }) => isAnswered), settleTimeoutMs)
    const { heads, journal } = await audit({ port, token: auditorsToken, rooms })
    const isThere = (participant: Participant): boolean =>
      [...heads].every(([room, head]) => participant.positionIn(room) === head)
    await until(() => participants.every(isThere), settleTimeoutMs)
    this.look()
    this.accept(new Map([['auditor', journal]]))
    this.checker.finish({ heads, readers: participants.map(({ user }) => user) })
  }

  stop(): void {
    for (const participant of this.participants) participant.stop()
  }

  private accept(journals: ReadonlyMap<string, Journal>): void {
    for (const journal of journals.values()) count(this.figures, journal)
    this.checker.accept(journals)
  }
}

/** Or for so long that the checker must say what is missing. */
async function until(isSo: () => boolean, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!isSo() && performance.now() < deadlineMs) await sleep(50)
}
