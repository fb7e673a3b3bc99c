/**
 * What a backup is on disk: the store's file and a line with its SHA-256, as `sha256sum -c` reads it. The line comes last,
 * so a folder without it is no backup. And what makes files and names outlive the machine.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartUpError } from '../../config/start-up-error.js'

export const STORE_FILE = 'data.mdb'
export const SUM_FILE = 'SHA256SUMS'
/** Inside the target, until all is there: its files are nobody else's to read, and go in one piece. */
export const PARTIAL_FOLDER = 'partial'
export const PRIVATE_FOLDER_MODE = 0o700
export const PRIVATE_FILE_MODE = 0o600

const SUM_LINE = new RegExp(`^([0-9a-f]{64}) [ *]${STORE_FILE}$`, 'm')

/** Why a store was not backed up or restored: the message alone, without a stack, says what the operator must mend. */
export class StoreCopyError extends Error {
  override readonly name = 'StoreCopyError'
}

/** Writes the line for the store's file in `folder`; both are on disk when it resolves. */
export async function writeSum(folder: string, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(join(folder, STORE_FILE), { signal })) hash.update(chunk as Buffer)
  await syncPath(join(folder, STORE_FILE))
  await writeFile(join(folder, SUM_FILE), `${hash.digest('hex')}  ${STORE_FILE}\n`, { mode: PRIVATE_FILE_MODE })
  await syncPath(join(folder, SUM_FILE))
}

/** Of the store's file. Rejects with `StoreCopyError` if `backup` is not a whole backup. */
export async function readSum(backup: string): Promise<string> {
  const text = await readFile(join(backup, SUM_FILE), 'utf8').catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT') throw cause
    throw new StoreCopyError(`${backup} is no backup: there is no ${SUM_FILE} in it`, { cause })
  })
  const [, sum] = SUM_LINE.exec(text) ?? []
  if (sum === undefined) throw new StoreCopyError(`${backup} is damaged: its ${SUM_FILE} does not name ${STORE_FILE}`)
  return sum
}

/** Copies the store's file. Rejects with `StoreCopyError` if it is not what was backed up. */
export async function copyChecked(backup: string, target: string, signal: AbortSignal): Promise<void> {
  const sum = await readSum(backup)
  const hash = createHash('sha256')
  const chunks = createReadStream(join(backup, STORE_FILE), { signal })
  await writeFile(join(target, STORE_FILE), hashing(chunks, hash), { mode: PRIVATE_FILE_MODE, flag: 'wx' })
  if (hash.digest('hex') === sum) return
  throw new StoreCopyError(`${backup} is damaged: its ${STORE_FILE} is not what was backed up`)
}

/** What was written to the file, or which names are in the folder, is on disk when it resolves. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The error itself if its message is for the operator already, else one that begins with `what`. */
export function explained(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || error instanceof StoreCopyError || error instanceof StartUpError) return error
  const [reason = ''] = error.message.split('\n')
  return new StoreCopyError(`${what}: ${reason}`, { cause: error })
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

async function* hashing(chunks: AsyncIterable<Buffer>, hash: Hash): AsyncIterable<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}
