/** The server as a process: what its signals do, and what a reader of its output that is gone does not. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { emptyFolder } from './log/open-logs.js'
import { compileSources, type CompiledSources } from './support/compiled-sources.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

interface Served {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly exit: Promise<unknown>
  readonly port: number
  readonly httpPort: number
  /** Status of the readiness check. */
  readonly readiness: () => Promise<number>
  /** Status of a reload that is asked for. */
  readonly reload: () => Promise<number>
}

const ADDRESSES = /nestwire:\/\/\S+:(\d+).*(https?:\/\/\S+:(\d+))/

async function serve(env: Readonly<Record<string, string>> = {}): Promise<Served> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', "import('./serve.js').then((m) => m.serve())"], {
    cwd: sources.folder,
    env: {
      PATH: process.env['PATH'],
      NESTWIRE_PORT: '0',
      NESTWIRE_HTTP_PORT: '0',
      NESTWIRE_DATA_DIR: await emptyFolder(),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stderr.pipe(process.stderr)
  onTestFinished(() => void child.kill('SIGKILL'))
  const exit = once(child, 'exit').then(([code]) => code as unknown)
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port, http, httpPort] = ADDRESSES.exec(line) ?? []
    if (port === undefined || http === undefined) continue
    child.stdout.resume()
    return {
      child,
      exit,
      port: Number(port),
      httpPort: Number(httpPort),
      readiness: async () => (await fetch(`${http}/health/ready`)).status,
      reload: async () => (await fetch(`${http}/admin/config`, { method: 'POST' })).status,
    }
  }
  throw new Error('the server ended before it listened')
}

/** A client that never hangs up, whatever it is told. */
async function clinging(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined).resume()
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

test.each(['SIGTERM', 'SIGINT'] as const)('exits with 0 after the drain that %s begins', async (signal) => {
  const { child, exit } = await serve()
  child.kill(signal)
  expect(await exit).toBe(0)
})

test('answers that it is not ready while it drains, and ends at once at a second signal', async () => {
  const patient = { NESTWIRE_DRAIN_TIMEOUT_MS: '600000', NESTWIRE_CLOSE_LINGER_MS: '60000' }
  const { child, exit, port, readiness } = await serve(patient)
  expect(await readiness()).toBe(200)
  const client = await clinging(port)
  const toldToGo = once(client, 'end')
  child.kill('SIGTERM')
  await toldToGo
  expect(await readiness()).toBe(503)
  child.kill('SIGTERM')
  expect(await exit).toBe(143)
})

test('waits for clients that do not hang up no longer than the drain deadline', async () => {
  const { child, exit, port } = await serve({ NESTWIRE_DRAIN_TIMEOUT_MS: '800', NESTWIRE_CLOSE_LINGER_MS: '200' })
  const client = await clinging(port)
  const cut = once(client, 'close')
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  client.end()
  await cut
})

test.each([
  ['nothing', ''],
  ['half a request', 'GET /health/live HTTP/1.1\r\nHost: nestwire\r\n'],
])('exits with 0 although %s has come over an HTTP connection', async (_what, sent) => {
  const { child, exit, httpPort, readiness } = await serve()
  const client = await clinging(httpPort)
  client.write(sent)
  // Connections are taken in order.
  expect(await readiness()).toBe(200)
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
})

/** What a reload finds is a line on one or the other. */
test.each([
  ['stdout', 'NESTWIRE_MAX_ROOMS=7', 200],
  ['stderr', 'NESTWIRE_MAX_ROOMS=many', 422],
] as const)('goes on, and drains, after who reads its %s has gone', async (output, nextSettings, status) => {
  const configFile = join(await emptyFolder(), 'nestwire.env')
  await writeFile(configFile, '')
  const { child, exit, readiness, reload } = await serve({ NESTWIRE_CONFIG_FILE: configFile })
  const gone = once(child[output], 'close')
  child[output].destroy()
  await gone
  await writeFile(configFile, nextSettings)
  expect(await reload()).toBe(status)
  expect(await readiness()).toBe(200)
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
})
