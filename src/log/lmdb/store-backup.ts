/**
 * Copies the store of all rooms as of one commit, whether a server runs on it or not: LMDB shows the copying process one
 * state of the tree while others write, and nobody waits for it. Pages that are in use are written in a row, so the copy
 * is no larger than it must be, and a tree that cannot be walked is no backup.
 *
 * The copy belongs to no file: whoever opens it, wherever it is put, takes another incarnation and with it other epochs.
 */
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { StartUpError } from '../../config/start-up-error.js'
import {
  explained,
  PARTIAL_FOLDER,
  PRIVATE_FILE_MODE,
  PRIVATE_FOLDER_MODE,
  STORE_FILE,
  StoreCopyError,
  SUM_FILE,
  syncPath,
  writeSum,
} from './backup-folder.js'
import { DirectoryLock } from './directory-lock.js'
import { copyStore, LogStore } from './log-store.js'

/** Of address space: a server that writes meanwhile must not outgrow it. */
const MIN_MAP_BYTES = 1024 ** 3

export interface BackupRequest {
  /** Of the room log. */
  readonly folder: string
  /** Made if it is not there; nothing else may be in it. */
  readonly target: string
  /** When it is aborted nothing stays, at once. */
  readonly signal: AbortSignal
}

/** Resolves with the bytes of the copy when it is on disk. Rejects with `StoreCopyError`; then nothing is left of it. */
export async function backUpStore({ folder, target, signal }: BackupRequest): Promise<number> {
  const found = statSync(join(folder, STORE_FILE), { throwIfNoEntry: false })
  if (found === undefined) throw new StoreCopyError(`there is no room log in ${folder}`)
  const { isNew, undo } = claim(target)
  signal.addEventListener('abort', undo)
  try {
    await checkUnlessInUse(folder)
    signal.throwIfAborted()
    await fill(join(target, PARTIAL_FOLDER), { folder, signal })
    signal.throwIfAborted()
    for (const file of [STORE_FILE, SUM_FILE]) renameSync(join(target, PARTIAL_FOLDER, file), join(target, file))
    rmSync(join(target, PARTIAL_FOLDER), { recursive: true })
    await syncPath(target)
    if (isNew) await syncPath(dirname(resolve(target)))
    return statSync(join(target, STORE_FILE)).size
  } catch (error) {
    undo()
    throw explained(error, `the room log in ${folder} was not backed up to ${target}`)
  } finally {
    signal.removeEventListener('abort', undo)
  }
}

/** Makes the target ours; `undo` takes everything away again, as often as it is called. */
function claim(target: string): { readonly isNew: boolean; readonly undo: () => void } {
  try {
    const isNew = mkdirSync(target, { recursive: true, mode: PRIVATE_FOLDER_MODE }) !== undefined
    if (readdirSync(target).length > 0) throw new StoreCopyError(`${target} is not empty`)
    mkdirSync(join(target, PARTIAL_FOLDER), { mode: PRIVATE_FOLDER_MODE })
    const names = isNew ? [''] : [PARTIAL_FOLDER, STORE_FILE, SUM_FILE]
    const undo = (): void => {
      for (const name of names) rmSync(join(target, name), { recursive: true, force: true })
    }
    return { isNew, undo }
  } catch (error) {
    throw explained(error, `no backup can be made in ${target}`)
  }
}

/** What a server would do at its start, so that a damaged store is a sentence. One that runs has done it. */
async function checkUnlessInUse(folder: string): Promise<void> {
  const lock = await DirectoryLock.acquire(folder).catch((error: unknown) => {
    if (error instanceof StartUpError) return undefined
    throw error
  })
  if (lock === undefined) return
  try {
    await (await LogStore.open(folder, MIN_MAP_BYTES)).close()
  } finally {
    await lock.release()
  }
}

async function fill(partial: string, { folder, signal }: Pick<BackupRequest, 'folder' | 'signal'>): Promise<void> {
  await copyStore(folder, partial, Math.max(MIN_MAP_BYTES, 2 * statSync(join(folder, STORE_FILE)).size))
  signal.throwIfAborted()
  // The folder that it goes to may be open to all.
  chmodSync(join(partial, STORE_FILE), PRIVATE_FILE_MODE)
  await LogStore.disown(partial)
  signal.throwIfAborted()
  await writeSum(partial, signal)
}
