/** The whole server with its settings in a file that the test writes. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { ReloadResult } from '../../src/config/config-reload.js'
import type { Environment } from '../../src/config/load-settings.js'
import { temporaryFolder } from '../auth/key-files.js'
import { startChat, type Chat } from '../support/chat-harness.js'

export type FileSettings = Readonly<Record<string, string>>

export interface ConfiguredChat extends Chat {
  readonly path: string
  /** Replaces what the file says. */
  readonly write: (settings: FileSettings) => Promise<void>
  /** Adds to what the file said at the start, and reloads: all that is added must be in force at once. */
  readonly change: (settings: FileSettings) => Promise<ReloadResult>
}

export const linesOf = (settings: FileSettings): string =>
  `# settings\n${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')}`

/** In memory, unless `env` says otherwise. */
export async function startConfigured(file: FileSettings = {}, env: Environment = {}): Promise<ConfiguredChat> {
  const path = join(await temporaryFolder(), 'nestwire.env')
  const write = (settings: FileSettings): Promise<void> => writeFile(path, linesOf(settings))
  await write(file)
  const chat = await startChat({ NESTWIRE_CONFIG_FILE: path, NESTWIRE_LOG_ENGINE: 'memory', ...env })
  const change = async (settings: FileSettings): Promise<ReloadResult> => {
    await write({ ...file, ...settings })
    const result = await chat.reload.run('admin')
    expect(result).toMatchObject({ isOk: true, problems: [] })
    const live = result.changes.filter(({ effect }) => effect === 'live').map(({ name }) => name)
    expect(live.toSorted()).toEqual(Object.keys(settings).toSorted())
    return result
  }
  return { ...chat, path, write, change }
}
