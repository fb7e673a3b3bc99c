import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** An empty folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestwire-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A file with `content` that is gone after the test; its path. */
export async function temporaryFile(content: string): Promise<string> {
  const path = join(await temporaryFolder(), 'file')
  await writeFile(path, content)
  return path
}
