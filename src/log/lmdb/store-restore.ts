/**
 * Puts a backup in the place of the store, in one step: whoever looks finds the old store or the new one, however this
 * ends. No server runs on the folder meanwhile.
 *
 * What is restored belongs to no file, so whoever opens it takes another incarnation: every room has another epoch, and no
 * client takes what was said after the backup for part of it.
 */
import { existsSync, linkSync, mkdirSync, renameSync, rmSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import {
  copyChecked,
  explained,
  PARTIAL_FOLDER,
  PRIVATE_FOLDER_MODE,
  readSum,
  STORE_FILE,
  StoreCopyError,
  syncPath,
} from './backup-folder.js'
import { DirectoryLock } from './directory-lock.js'
import { LogStore } from './log-store.js'

export interface RestoreRequest {
  readonly backup: string
  /** Of the room log; made if it is not there. */
  readonly folder: string
  /** A store that is there is moved aside; else nothing is done. */
  readonly mayReplace: boolean
  /** When it is aborted nothing that was copied stays, at once. */
  readonly signal: AbortSignal
}

export interface Restored {
  readonly bytes: number
  /** Where the store is now that was there. */
  readonly replaced: string | undefined
}

/** Rejects with `StoreCopyError` or `StartUpError`; then all is as it was. */
export async function restoreStore(request: RestoreRequest): Promise<Restored> {
  const { backup, folder } = request
  try {
    await readSum(backup)
    const firstMade = mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE })
    try {
      const restored = await restoreInto(request)
      if (firstMade !== undefined) await syncPath(dirname(resolve(folder)))
      return restored
    } catch (error) {
      if (firstMade !== undefined) removeEmpty(resolve(folder), resolve(firstMade))
      throw error
    }
  } catch (error) {
    throw explained(error, `${backup} was not restored to ${folder}`)
  }
}

async function restoreInto({ backup, folder, mayReplace, signal }: RestoreRequest): Promise<Restored> {
  const lock = await DirectoryLock.acquire(folder)
  const partial = join(folder, PARTIAL_FOLDER)
  const undo = (): void => rmSync(partial, { recursive: true, force: true })
  signal.addEventListener('abort', undo)
  try {
    if (existsSync(join(folder, STORE_FILE)) && !mayReplace) {
      throw new StoreCopyError(`there is a room log in ${folder}: --replace moves it aside`)
    }
    // One of a restore that was killed.
    undo()
    mkdirSync(partial, { mode: PRIVATE_FOLDER_MODE })
    await copyChecked(backup, partial, signal)
    signal.throwIfAborted()
    await LogStore.disown(partial)
    await syncPath(join(partial, STORE_FILE))
    signal.throwIfAborted()
    const replaced = putInPlace(folder)
    await syncPath(folder)
    return { bytes: statSync(join(folder, STORE_FILE)).size, replaced }
  } finally {
    undo()
    signal.removeEventListener('abort', undo)
    await lock.release()
  }
}

function putInPlace(folder: string): string | undefined {
  const store = join(folder, STORE_FILE)
  const aside = existsSync(store) ? `${store}.replaced-${new Date().toISOString().replaceAll(':', '-')}` : undefined
  // Both names for a moment, so that at no moment there is no store.
  if (aside !== undefined) linkSync(store, aside)
  // It counts the commits of the old store, and a backup of that may still read by it.
  rmSync(join(folder, 'lock.mdb'), { force: true })
  renameSync(join(folder, PARTIAL_FOLDER, STORE_FILE), store)
  return aside
}

/** Up to `last`, which is above; what has become somebody else's stays. */
function removeEmpty(folder: string, last: string): void {
  try {
    for (let path = folder; path.length >= last.length; path = dirname(path)) rmdirSync(path)
  } catch {
    return
  }
}
