import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../bench/free-port.js'
import { StartUpError } from '../src/config/start-up-error.js'
import { loadSettings } from '../src/config/load-settings.js'
import { startApp } from '../src/start-app.js'
import { temporaryFolder } from './auth/key-files.js'
import { RawClient } from './support/raw-client.js'
import { runApp } from './support/running-app.js'

/** A port that somebody else listens on until the test is over. */
async function takenPort(): Promise<string> {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  return String((other.address() as AddressInfo).port)
}

async function startUpErrorOf(env: Record<string, string>): Promise<string> {
  const dataDir = await temporaryFolder()
  const failed = startApp({ NESTWIRE_PORT: '0', NESTWIRE_HTTP_PORT: '0', NESTWIRE_DATA_DIR: dataDir, ...env })
  const error: unknown = await failed.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof StartUpError)) throw error
  return error.message
}

test('the first start makes secrets and the log in the data folder', async () => {
  const dataDir = await temporaryFolder()
  await runApp({ NESTWIRE_DATA_DIR: dataDir, NESTWIRE_AUTH_SECRET: undefined })
  expect(await readdir(dataDir)).toEqual(['auth-secret', 'log', 'ticket-secret'])
})

test('a given secret is not written down', async () => {
  const dataDir = await temporaryFolder()
  await runApp({ NESTWIRE_DATA_DIR: dataDir, NESTWIRE_TICKET_SECRET: 'x'.repeat(32) })
  expect(await readdir(dataDir)).toEqual(['log'])
})

test('a log in memory leaves nothing in the data folder', async () => {
  const dataDir = await temporaryFolder()
  const env = { NESTWIRE_TICKET_SECRET: 'x'.repeat(32), NESTWIRE_LOG_ENGINE: 'memory' }
  await runApp({ NESTWIRE_DATA_DIR: dataDir, ...env })
  expect(await readdir(dataDir)).toEqual([])
})

test('a taken port is told with the setting that chose it', async () => {
  const port = await takenPort()
  expect(await startUpErrorOf({ NESTWIRE_PORT: port })).toBe(
    `listen EADDRINUSE: address already in use 127.0.0.1:${port} (NESTWIRE_HOST, NESTWIRE_PORT)`,
  )
})

test('a taken HTTP port leaves the other port free', async () => {
  const httpPort = await takenPort()
  const port = String(await freePort())
  expect(await startUpErrorOf({ NESTWIRE_PORT: port, NESTWIRE_HTTP_PORT: httpPort })).toMatch(/NESTWIRE_HTTP_PORT\)$/)
  const { address } = await runApp({ NESTWIRE_PORT: port })
  expect(String(address.port)).toBe(port)
})

test('bad settings are told before anything starts', async () => {
  expect(await startUpErrorOf({ NESTWIRE_PORT: 'x', NESTWIRE_PROT: '1' })).toBe(
    'NESTWIRE_PROT is not a setting; the nearest is NESTWIRE_PORT\nNESTWIRE_PORT must be a whole number from 0 to 65535',
  )
})

test('a configuration file that is not there, or says what cannot be, is told before anything starts', async () => {
  const path = join(await temporaryFolder(), 'nestwire.env')
  expect(await startUpErrorOf({ NESTWIRE_CONFIG_FILE: path })).toBe(
    `the configuration file ${path} cannot be read: ENOENT`,
  )
  await writeFile(path, 'NESTWIRE_MAX_ROOMS=many')
  expect(await startUpErrorOf({ NESTWIRE_CONFIG_FILE: path })).toMatch(/^NESTWIRE_MAX_ROOMS must be a whole number/)
})

test('a swapped limit holds for the next connection', async () => {
  const { settings, greeted, address } = await runApp()
  await greeted()
  settings.swap(loadSettings({ NESTWIRE_MAX_CONNECTIONS: '1' }))
  const second = await RawClient.connect(address.port)
  expect((await second.expectClosed('ServerFull')).retryAfterMs).toBeGreaterThan(0)
})

test('a node that is to join a cluster does not run alone', async () => {
  const port = String(await freePort())
  const secrets = { NESTWIRE_AUTH_SECRET: 'x'.repeat(32), NESTWIRE_TICKET_SECRET: 'x'.repeat(32) }
  expect(await startUpErrorOf({ NESTWIRE_CLUSTER_URL: `nats://127.0.0.1:${port}`, ...secrets })).toMatch(
    /^NATS at nats:\/\/127\.0\.0\.1:\d+ cannot be used: /,
  )
})
