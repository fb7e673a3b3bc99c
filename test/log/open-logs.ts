/** Logs in folders of their own, gone after the test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { loadSettings, type Environment } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { LmdbRoomLog } from '../../src/log/lmdb/lmdb-room-log.js'
import { ManualClock } from '../support/manual-clock.js'

export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestwire-log-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface OpenLog {
  readonly log: LmdbRoomLog
  readonly folder: string
  readonly clock: ManualClock
  readonly settings: Settings
  /** Closes the log, and opens its folder again. */
  readonly reopen: () => Promise<OpenLog>
}

export async function openLog(
  env: Environment = {},
  { folder, clock = new ManualClock() }: { folder?: string; clock?: ManualClock } = {},
): Promise<OpenLog> {
  const ownFolder = folder ?? (await emptyFolder())
  const settings = new Settings(loadSettings(env))
  const log = await LmdbRoomLog.open({ folder: ownFolder, settings, clock })
  onTestFinished(() => log.close())
  const reopen = async (): Promise<OpenLog> => {
    await log.close()
    return openLog(env, { folder: ownFolder, clock })
  }
  return { log, folder: ownFolder, clock, settings, reopen }
}

/** Resolves when what was written just now is on its way to the disk: a commit begins when no microtask is left. */
export const commitBegins = (): Promise<void> =>
  new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))

/** Modes mean nothing to root. */
export async function asNobody(act: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    await act()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}
