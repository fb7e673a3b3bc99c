/** The whole server on free ports with a folder of its own; gone after the test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { issueToken, type TokenRequest } from '../../src/auth/token-issuer.js'
import type { Clock } from '../../src/clock.js'
import type { Environment } from '../../src/config/load-settings.js'
import { startApp, type RunningApp } from '../../src/start-app.js'
import { RawClient } from './raw-client.js'

const TEST_SECRET = 'the secret of every test, which is no secret'

export interface TestApp extends RunningApp {
  readonly healthUrl: string
  readonly tokenOf: (user: string, over?: Partial<TokenRequest>) => Promise<string>
  /** A client past HELLO that nobody is logged in on. */
  readonly greeted: () => Promise<RawClient>
}

export async function runApp(env: Environment = {}, clock?: Clock): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nestwire-'))
  // A start that failed may write still.
  onTestFinished(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }))
  const running = await startApp(
    {
      NESTWIRE_PORT: '0',
      NESTWIRE_HTTP_PORT: '0',
      NESTWIRE_DATA_DIR: dataDir,
      NESTWIRE_AUTH_SECRET: TEST_SECRET,
      NESTWIRE_LOG_LEVEL: 'fatal',
      ...env,
    },
    clock,
  )
  onTestFinished(() => running.close())
  return {
    ...running,
    healthUrl: `http://127.0.0.1:${running.httpAddress.port}/health`,
    tokenOf: (user, over) => issueToken({ user, role: 'user', ttlSeconds: 60, ...over }, TEST_SECRET, clock?.now()),
    greeted: () => RawClient.greeted(running.address.port),
  }
}
