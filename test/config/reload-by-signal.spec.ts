/** SIGHUP to the server as a process. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { temporaryFile, temporaryFolder } from '../auth/key-files.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { RawClient } from '../support/raw-client.js'
import { linesOf, type FileSettings } from './config-file-app.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

interface Served {
  readonly child: ChildProcess
  readonly port: number
  readonly write: (settings: FileSettings) => Promise<void>
  /** What `/admin/config` answers. */
  readonly view: () => Promise<{ reloads: { ok: number; failed: number }; maxRooms: unknown }>
  readonly isReady: () => Promise<boolean>
}

interface ConfigAnswer {
  readonly reloads: { ok: number; failed: number }
  readonly settings: readonly { readonly name: string; readonly value: unknown }[]
}

const ADDRESSES = /nestwire:\/\/\S+:(\d+).*http:\/\/(\S+:\d+)/

/** With a file that the environment names, or `.env` where it starts. */
async function serve(settings: FileSettings, place: 'named' | '.env' = 'named'): Promise<Served> {
  const path = place === 'named' ? await temporaryFile(linesOf(settings)) : join(sources.folder, '.env')
  await writeFile(path, linesOf(settings))
  onTestFinished(() => rm(path))
  const env = {
    PATH: process.env['PATH'],
    NESTWIRE_PORT: '0',
    NESTWIRE_HTTP_PORT: '0',
    NESTWIRE_DATA_DIR: await temporaryFolder(),
    ...(place === 'named' ? { NESTWIRE_CONFIG_FILE: path } : {}),
  }
  const code = "import('./serve.js').then((m) => m.serve())"
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: sources.folder,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port, http] = ADDRESSES.exec(line) ?? []
    if (port === undefined || http === undefined) continue
    child.stdout.resume()
    return {
      child,
      port: Number(port),
      // In one step: a reload that finds it emptied would fail, and rightly so.
      write: async (next) => {
        await writeFile(`${path}.next`, linesOf(next))
        await rename(`${path}.next`, path)
      },
      view: async () => {
        const response = await fetch(`http://${http}/admin/config`)
        const { reloads, settings: shown } = (await response.json()) as ConfigAnswer
        return { reloads, maxRooms: shown.find(({ name }) => name === 'NESTWIRE_MAX_ROOMS')?.value }
      },
      isReady: async () => (await fetch(`http://${http}/health/ready`)).ok,
    }
  }
  throw new Error('the server ended before it listened')
}

test('SIGHUP reads the file, and a broken one changes nothing', async () => {
  const { child, write, view, isReady } = await serve({ NESTWIRE_MAX_ROOMS: '7' })
  await write({ NESTWIRE_MAX_ROOMS: '8' })
  child.kill('SIGHUP')
  await expect.poll(async () => (await view()).maxRooms).toBe(8)
  await write({ NESTWIRE_MAX_ROOMS: 'many' })
  child.kill('SIGHUP')
  await expect.poll(async () => (await view()).reloads.failed).toBeGreaterThan(0)
  expect([(await view()).maxRooms, await isReady()]).toEqual([8, true])
})

test('a storm of SIGHUPs ends with the last file, and nobody is disturbed', async () => {
  const { child, port, write, view } = await serve({ NESTWIRE_MAX_ROOMS: '7' })
  const client = await RawClient.greeted(port)
  for (let count = 1; count <= 1_000; count += 1) {
    if (count % 100 === 0) await write({ NESTWIRE_MAX_ROOMS: String(count) })
    child.kill('SIGHUP')
    if (count % 10 === 0) await client.expectNothing()
  }
  await expect.poll(async () => (await view()).maxRooms).toBe(1_000)
  const { reloads } = await view()
  expect(reloads.failed).toBe(0)
  await client.expectNothing()
  expect(child.exitCode).toBeNull()
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  client.end()
  expect(await exited).toEqual([0, null])
})

test('.env of the working folder is read, and read again when it changes', async () => {
  const { view, write } = await serve({ NESTWIRE_MAX_ROOMS: '7' }, '.env')
  expect((await view()).maxRooms).toBe(7)
  await write({ NESTWIRE_MAX_ROOMS: '8' })
  await expect.poll(async () => (await view()).maxRooms).toBe(8)
})
