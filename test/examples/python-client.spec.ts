import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { issueToken } from '../../src/auth/token-issuer.js'
import { startApp, type RunningApp } from '../../src/start-app.js'

const SECRET = 'a secret of the python client test'
const CLIENT = fileURLToPath(new URL('../../examples/python-client/nestwire_client.py', import.meta.url))
const VECTORS = fileURLToPath(new URL('../fixtures/vectors.json', import.meta.url))

const python = spawnSync('python3', ['--version']).status === 0
const why = python ? '' : ' (skipped: no python3; get it with: npm run setup)'

interface Line {
  readonly [field: string]: unknown
}

let app: RunningApp
let dataDir: string
const running = new Set<ChildProcess>()

beforeAll(async () => {
  if (!python) return
  dataDir = await mkdtemp(join(tmpdir(), 'nestwire-python-'))
  app = await startApp({
    NESTWIRE_PORT: '0',
    NESTWIRE_HTTP_PORT: '0',
    NESTWIRE_DATA_DIR: dataDir,
    NESTWIRE_AUTH_SECRET: SECRET,
    NESTWIRE_LOG_LEVEL: 'error',
  })
})

afterAll(async () => {
  for (const child of running) child.kill()
  await app?.close()
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true })
})

function runClient(...args: string[]) {
  const child = spawn('python3', ['-B', CLIENT, ...args], { env: { ...process.env, PYTHONUTF8: '1' } })
  running.add(child)
  const result = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[code], stdout, stderr]) => {
      running.delete(child)
      return { code: code as number | null, stderr, lines: stdout.split('\n').filter((line) => line !== '') }
    },
  )
  return { child, result }
}

function chat(token: string, ...args: string[]) {
  return runClient(app.address.address, String(app.address.port), token, ...args)
}

const tokenOf = (user: string) => issueToken({ user, role: 'user', ttlSeconds: 60 }, SECRET)
const records = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Line)

test.skipIf(!python)(`two python clients hear each other in one order${why}`, async () => {
  const ann = chat(await tokenOf('ann'), 'lobby', 'first', '--expect', '3')
  await Promise.race([once(ann.child.stdout, 'data'), ann.result]) // her own message is back: she follows the room
  const bob = chat(await tokenOf('bob'), 'lobby', 'grüße')

  const [heardByAnn, heardByBob] = await Promise.all([ann.result, bob.result])

  expect(heardByAnn).toMatchObject({ code: 0, stderr: '' })
  expect(heardByBob).toMatchObject({ code: 0, stderr: '' })
  const told = records(heardByAnn.lines)
  expect(told).toMatchObject([
    { kind: 'text', sender: 'ann', text: 'first' },
    { kind: 'join', sender: 'bob', text: 'bob' },
    { kind: 'text', sender: 'bob', text: 'grüße' },
  ])
  expect(told.slice(1).map(({ prev }) => prev)).toEqual(told.slice(0, -1).map(({ seq }) => seq))
  expect(records(heardByBob.lines)).toEqual(told.slice(2))
})

test.skipIf(!python)(`a python client asks about its room with a MessagePack request${why}`, async () => {
  const { code, lines } = await chat(await tokenOf('cem'), 'quiet room', 'hello', '--info').result

  expect(code).toBe(0)
  expect(records(lines)).toMatchObject([
    { room: 'quiet room', members: 1, owner: 'cem' },
    { room: 'quiet room', kind: 'text', text: 'hello' },
  ])
})

test.skipIf(!python)(`a python client with a wrong token fails with one readable line${why}`, async () => {
  const { code, lines, stderr } = await chat('no-token', 'lobby', 'hello').result

  expect(code).toBe(1)
  expect(lines).toEqual([])
  expect(stderr).toMatch(/^nestwire: TokenInvalid \(5\): .+\n$/)
})

test.skipIf(!python)(`a python client that the server closes says why in one readable line${why}`, async () => {
  const { code, stderr } = await chat(await tokenOf('ann'), ' no name', 'hello').result

  expect(code).toBe(1)
  expect(stderr).toMatch(/^nestwire: BadField \(4009\): .+; do not retry\n$/)
})

test.skipIf(!python)(`the python client passes every test vector${why}`, async () => {
  const { code, lines } = await runClient('--vectors', VECTORS).result

  expect(lines.at(-1)).toMatch(/^[1-9]\d* passed, 0 failed$/)
  expect(code).toBe(0)
})
