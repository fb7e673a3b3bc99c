/**
 * Secrets that the server makes for itself at its first start: of HS256 tokens (`nestwire token` signs with it), and of
 * resume tickets.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartUpError } from '../config/start-up-error.js'

const SECRET_BYTES = 32
const MIN_SECRET_CHARACTERS = 32
const GROUP_AND_OTHERS = 0o077

type SecretFile = 'auth-secret' | 'ticket-secret'

/**
 * The secret in that file of the data folder, made there (mode 0600) if there is none. Throws `StartUpError` if the
 * folder cannot be used or others may read the file.
 */
export function readOrCreateSecret(dataDir: string, file: SecretFile): string {
  const path = join(dataDir, file)
  try {
    mkdirSync(dataDir, { recursive: true })
    return createSecret(path) ?? readSecret(path)
  } catch (cause) {
    if (cause instanceof StartUpError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StartUpError(`the data folder cannot be used (NESTWIRE_DATA_DIR): ${reason}`, { cause })
  }
}

/** `undefined` if the file is there already; `wx` lets one of two processes win. */
function createSecret(path: string): string | undefined {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  try {
    writeFileSync(path, secret, { flag: 'wx', mode: 0o600, flush: true })
    return secret
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined
    throw error
  }
}

function readSecret(path: string): string {
  const file = openSync(path, 'r')
  try {
    // Windows has no such bits; its files look readable to everyone.
    if (process.platform !== 'win32' && (fstatSync(file).mode & GROUP_AND_OTHERS) !== 0) {
      throw new StartUpError(`${path} may be read by others: chmod 600 it, or remove it to get a new secret`)
    }
    const secret = readFileSync(file, 'utf8').trim()
    if (secret.length < MIN_SECRET_CHARACTERS) {
      throw new StartUpError(
        `${path} holds fewer than ${MIN_SECRET_CHARACTERS} characters: remove it to get a new secret`,
      )
    }
    return secret
  } finally {
    closeSync(file)
  }
}
