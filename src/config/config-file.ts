/** The one file that settings may be in: lines `NAME=value`, as in `.env`. */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { Environment } from './load-settings.js'
import { StartUpError } from './start-up-error.js'

const DEFAULT_FILE = '.env'
/** All settings with their comments take a fiftieth of it. */
const MAX_FILE_BYTES = 1024 * 1024
const FILE_SETTING = 'NESTWIRE_CONFIG_FILE'

export class ConfigFile {
  /** What was there once and is gone, or emptied, is a fault, and not the wish for all defaults. */
  private hadContent = false

  private constructor(
    /** Absolute. */
    readonly path: string,
    private readonly isNamed: boolean,
  ) {}

  /** The file that the environment names; else `.env` of the working folder, if `isDefaultWanted`. */
  static of(environment: Environment, { isDefaultWanted }: { isDefaultWanted: boolean }): ConfigFile | undefined {
    const named = environment[FILE_SETTING]
    if (named !== undefined && named !== '') return new ConfigFile(resolve(named), true)
    return isDefaultWanted ? new ConfigFile(resolve(DEFAULT_FILE), false) : undefined
  }

  /** What it says now. Rejects with `StartUpError`, which tells nothing of its content. */
  async read(): Promise<Environment> {
    const text = await this.text()
    if (text.trim() === '') {
      if (this.hadContent) throw new StartUpError(`the configuration file ${this.path} is empty`)
      return {}
    }
    this.hadContent = true
    const said = parseEnv(text)
    if (said[FILE_SETTING]) throw new StartUpError(`${FILE_SETTING} is for the environment, not for the file itself`)
    return said
  }

  /** Another one whenever the file is another, wherever its name leads. */
  async signature(): Promise<string> {
    try {
      const { ino, size, mtimeNs } = await stat(this.path, { bigint: true })
      return `${ino} ${size} ${mtimeNs}`
    } catch (error) {
      return codeOf(error)
    }
  }

  private async text(): Promise<string> {
    try {
      const { size } = await stat(this.path)
      if (size > MAX_FILE_BYTES) throw new StartUpError(`the configuration file ${this.path} is too large`)
      return await readFile(this.path, 'utf8')
    } catch (cause) {
      if (cause instanceof StartUpError) throw cause
      if (codeOf(cause) === 'ENOENT' && !this.isNamed && !this.hadContent) return ''
      throw new StartUpError(`the configuration file ${this.path} cannot be read: ${codeOf(cause)}`, { cause })
    }
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)
