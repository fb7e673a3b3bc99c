/** What a server shows to whom, as it comes out of the box. */
import { mkdtemp, readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { settingsList } from '../../src/config/settings-schema.js'
import { runApp } from '../support/running-app.js'

test('both ports are for this machine alone unless a setting says otherwise', () => {
  const { host, httpHost } = loadSettings({}).listen
  expect([host, httpHost]).toEqual(['127.0.0.1', '127.0.0.1'])
})

test('no secret has a default', () => {
  const secrets = settingsList.filter(({ setting: { env } }) => /SECRET$|PASSWORD$|TOKEN$/.test(env))
  expect(secrets.length).toBeGreaterThanOrEqual(4)
  expect(secrets.map(({ setting }) => setting.default)).toEqual(secrets.map(() => undefined))
})

test('secrets that were made are readable by their owner only', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'nestwire-'))
  await runApp({ NESTWIRE_DATA_DIR: dataDir, NESTWIRE_AUTH_SECRET: undefined })
  const secrets = (await readdir(dataDir)).filter((name) => name.endsWith('-secret'))
  expect(secrets).toEqual(['auth-secret', 'ticket-secret'])
  for (const name of secrets) expect((await stat(join(dataDir, name))).mode & 0o077).toBe(0)
})

test('health answers no more than whether the server is well', async () => {
  const { healthUrl } = await runApp()
  const answers = await Promise.all(
    ['live', 'ready'].map(async (check) => (await fetch(`${healthUrl}/${check}`)).text()),
  )
  expect(answers.join('')).not.toMatch(/secret|alice|lobby|\/tmp|data/i)
})

test('an unknown path of the HTTP side tells nothing of the server', async () => {
  const { healthUrl } = await runApp()
  const answer = await fetch(`${healthUrl}/../../etc/passwd?x=<script>`)
  expect(answer.status).toBe(404)
  expect(await answer.text()).not.toMatch(/node_modules|at .+\.js|<script>/)
})
