/** Takes figures while a room is broadcast to without pause, and the same figures while nothing is said to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { mistakeIn } from './contest-turns.js'
import type { RoomLoad } from './load/room-load.js'
import { interleave } from './rounds.js'
import { spread } from './statistics.js'
import { OURS, type Row } from './suite.js'

export interface UnderLoadOptions<Figures> {
  readonly load: RoomLoad
  /** Messages that the room is kept busy with. */
  readonly inFlight: number
  readonly rounds: number
  /** How long `take` takes. */
  readonly roundMs: number
  /** The row without broadcasts. */
  readonly baseName: string
  readonly take: () => Promise<Figures>
}

/** The broadcasts begin this long before the figures are taken, and end as long after. */
const LEAD_MS = 500

/** Rows have the figures, and `deliveriesPerSecond` to the room meanwhile. */
export async function measureUnderLoad<Figures extends Readonly<Record<string, number>>>(
  options: UnderLoadOptions<Figures>,
): Promise<{ readonly rows: readonly Row[]; readonly failures: readonly string[] }> {
  const { load, rounds, baseName } = options
  const failures = new Set<string>()
  const takeTurn = async (contestant: string) => {
    if (contestant === baseName) return { ...(await options.take()), deliveriesPerSecond: 0 }
    const { figures, broadcasts } = await takeDuringBroadcasts(options)
    const mistake = mistakeIn(broadcasts)
    if (mistake !== undefined) failures.add(`the busy room: ${mistake}`)
    return { ...figures, deliveriesPerSecond: (broadcasts.published * load.members * 1000) / broadcasts.elapsedMs }
  }
  const measured = await interleave([OURS, baseName], rounds, takeTurn)
  const rows = measured.map(({ contestant, results }) => ({
    name: contestant,
    members: load.members,
    ...spread(results),
  }))
  return { rows, failures: [...failures] }
}

async function takeDuringBroadcasts<Figures>({ load, inFlight, roundMs, take }: UnderLoadOptions<Figures>) {
  const broadcasting = load.burst({ window: inFlight, durationMs: roundMs + 2 * LEAD_MS })
  const [figures, broadcasts] = await Promise.all([sleep(LEAD_MS).then(take), broadcasting])
  return { figures, broadcasts }
}
