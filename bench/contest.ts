/** Contestants of a suite: each a running server with its own room full of members, so that they can be measured in turns. */
import { RoomLoad, type LoadOptions, type LoadTarget } from './load/room-load.js'
import { startNaive } from './rivals/naive/start-naive.js'
import { isInstalled, startRival, type RivalName } from './rivals/rivals.js'
import { startServer } from './server-process.js'
import { OURS, type Row } from './suite.js'

export type ContestantName = typeof OURS | 'naive' | RivalName

export interface RunningServer extends LoadTarget {
  readonly pid: number
  close(): Promise<void>
}

export interface Contestant {
  readonly name: ContestantName
  readonly server: RunningServer
  readonly load: RoomLoad
}

/**
 * Everything real is on: tokens, rooms, the log on disk. Only that servers wait their turn for minutes is not real: they
 * would ping everybody, in the time of another.
 */
export const SERVER_SETTINGS = {
  NESTWIRE_LOG_ENGINE: 'lmdb',
  NESTWIRE_PING_INTERVAL_MS: '3000000',
  NESTWIRE_IDLE_TIMEOUT_MS: '6000000',
} as const

export const isMissing = (name: ContestantName): boolean => name !== OURS && name !== 'naive' && !isInstalled(name)

/** What a table has of the rivals that are not installed. */
export const emptyRows = (names: readonly ContestantName[], params: Readonly<Record<string, number>>): Row[] =>
  names.filter(isMissing).map((name) => ({ name, ...params, missing: 'not installed: npm run bench:setup' }))

/** `settings` are for our own server, beside `SERVER_SETTINGS`. */
export async function startContestant(
  name: ContestantName,
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  if (name === OURS) return { dialect: 'nestwire', ...(await startServer({ ...SERVER_SETTINGS, ...settings })) }
  return name === 'naive' ? startNaive() : startRival(name)
}

/** Starts a server and fills its room. */
async function enterContest(name: ContestantName, options: LoadOptions): Promise<Contestant> {
  const server = await startContestant(name)
  try {
    return { name, server, load: await RoomLoad.open(server, options) }
  } catch (error) {
    await server.close()
    throw error
  }
}

async function leaveContest({ server, load }: Contestant): Promise<void> {
  await load.close()
  await server.close()
}

/** Runs `measure` with a contestant of each name that is installed, and ends them all, whatever happens. */
export async function withContestants<Result>(
  names: readonly ContestantName[],
  options: LoadOptions,
  measure: (contestants: readonly Contestant[]) => Promise<Result>,
): Promise<Result> {
  const entries = names.filter((name) => !isMissing(name)).map((name) => enterContest(name, options))
  const settled = await Promise.allSettled(entries)
  const contestants = settled.flatMap((entry) => (entry.status === 'fulfilled' ? [entry.value] : []))
  try {
    await Promise.all(entries)
    return await measure(contestants)
  } finally {
    await Promise.all(contestants.map(leaveContest))
  }
}
