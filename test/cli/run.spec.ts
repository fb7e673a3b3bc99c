import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { at, deadServer, ScriptedServer, welcome } from '../client/scripted-server.js'
import { cli, startCli } from './cli-harness.js'

const SECRET = { NESTWIRE_AUTH_SECRET: 'a secret with more than 32 characters' }

describe('usage', () => {
  const wrong: Record<string, [argv: string[], message: RegExp]> = {
    'no command': [[], /which command/],
    'an unknown command': [['dance'], /there is no command dance/],
    'an unknown option': [['token', '--colour', 'red'], /--colour/],
    'an option without its value': [['chat', '--user'], /--user/],
    'a user that is missing': [['token'], /--user is missing/],
    'a user name that is none': [['token', '--user', 'a\tb'], /not a user name/],
    'a role that is none': [['token', '--user', 'a', '--role', 'king'], /--role is one of user, service, admin/],
    'a time that is none': [['token', '--user', 'a', '--ttl', '15x'], /not a duration: 15x/],
    'a time of nothing': [['token', '--user', 'a', '--ttl', '0m'], /not a duration/],
    'a room that is missing': [['tail', '--user', 'a'], /--room is missing/],
    'a text that is missing': [['send', '--user', 'a', '--room', 'r'], /TEXT is missing/],
    'a word too many': [['send', '--user', 'a', '--room', 'r', 'hello', 'world'], /unexpected argument: world/],
    'a number that is none': [['tail', '--user', 'a', '--room', 'r', '--count', '2x'], /--count is a whole number/],
    'a url that is none': [['call', 'x', '--url', 'http://127.0.0.1'], /not a server/],
    'a url with a path': [['call', 'x', '--url', 'nestwire://h:1/lobby'], /not a server/],
    'a url of which one is none': [['call', 'x', '--url', 'nestwire://h:1,h:0'], /not a server: h:0/],
    'servers with TLS and without': [
      ['call', 'x', '--url', 'nestwires://h:1,nestwire://g:1'],
      /nestwire:..g:1 means no TLS/,
    ],
    'a certificate without its key': [['call', 'x', '--cert', 'c.pem'], /--cert and --key go together/],
    'an authority that cannot be read': [['call', 'x', '--ca', 'none.pem'], /--ca: ENOENT/],
    'a port that is none': [['call', 'x', '--url', 'nestwire://h:0'], /not a (port|server)/],
    'a payload that is no JSON': [['call', 'x', '{room'], /not JSON/],
    'a store command that is none': [['store', 'copy', 'x'], /say backup DIR or restore DIR/],
    'a folder that is missing': [['store', 'backup'], /DIR is missing/],
    'a backup that would replace': [['store', 'backup', 'x', '--replace'], /--replace is for restore/],
    'a user and token both missing': [['tail', '--room', 'r'], /--user is missing/],
  }
  for (const [what, [argv, message]] of Object.entries(wrong)) {
    test(`refuses ${what} with one line and 2`, async () => {
      const { exitCode, stderr, stdout } = await cli(argv, { env: SECRET })
      expect([exitCode, stdout]).toEqual([2, ''])
      expect(stderr).toMatch(/^nestwire: [^\n]+\n$/)
      expect(stderr).toMatch(message)
    })
  }

  test('prints the commands and the exit codes', async () => {
    const { exitCode, stdout } = await cli(['--help'])
    expect(exitCode).toBe(0)
    for (const word of ['serve', 'token', 'chat', 'send', 'tail', 'call', 'store', '130  Ctrl-C'])
      expect(stdout).toContain(word)
  })

  test('prints the options of a command', async () => {
    const { exitCode, stdout } = await cli(['tail', '--help'])
    expect(exitCode).toBe(0)
    for (const word of ['--room ROOM', '--after SEQ', '--json', '--url URL']) expect(stdout).toContain(word)
  })

  test('prints the version of the package', async () => {
    const manifest: unknown = JSON.parse(await readFile('package.json', 'utf8'))
    expect(await cli(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: `${(manifest as { version: string }).version}\n`,
    })
  })
})

describe('token', () => {
  test('signs what the options say', async () => {
    const argv = ['token', '--user', 'alice', '--role', 'admin', '--ttl', '15m', '--name', 'Alice A.']
    const { exitCode, stdout } = await cli(argv, { env: SECRET })
    expect(exitCode).toBe(0)
    const claims = decodeJwt(stdout.trim())
    expect(claims).toMatchObject({ sub: 'alice', role: 'admin', name: 'Alice A.' })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(900)
  })

  test('is good for an hour unless told otherwise', async () => {
    const { exp = 0, iat = 0 } = decodeJwt((await cli(['token', '--user', 'a'], { env: SECRET })).stdout.trim())
    expect(exp - iat).toBe(3600)
  })

  test('takes the secret of the data folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nestwire-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const env = { NESTWIRE_DATA_DIR: folder }
    expect(await cli(['token', '--user', 'a'], { env })).toMatchObject({ exitCode: 2 })
    writeFileSync(join(folder, 'auth-secret'), 'a secret with more than 32 characters\n')
    expect(await cli(['token', '--user', 'a'], { env })).toMatchObject({ exitCode: 0 })
  })
})

describe('without a server', () => {
  test('ends with 3 when nobody listens', async () => {
    const server = await ScriptedServer.start()
    const url = `nestwire://127.0.0.1:${server.port}`
    await server.stop()
    for (const argv of [
      ['call', 'x', '--user', 'a', '--url', url],
      ['send', '--user', 'a', '--room', 'r', 'hi', '--url', url],
      ['tail', '--user', 'a', '--room', 'r', '--url', url],
      ['chat', '--user', 'a', '--room', 'r', '--url', url],
    ]) {
      const { exitCode, stderr } = await cli(argv, { env: SECRET })
      expect(exitCode).toBe(3)
      expect(stderr).toMatch(/^nestwire: connect ECONNREFUSED [^\n]+\n$/)
    }
  })

  test('ends with 3 when the connection is lost before the answer', async () => {
    const server = await ScriptedServer.start()
    const running = startCli(['call', 'x', '--token', 't', '--url', `nestwire://127.0.0.1:${server.port}`])
    const served = await server.admit()
    await served.expect('request')
    served.socket.end()
    expect(await running.exitCode).toBe(3)
  })

  test('goes to another of the servers when one is dead', async () => {
    const server = await ScriptedServer.start()
    const url = `nestwire://${await deadServer()},${at(server)}`
    startCli(['call', 'x', '--token', 't', '--url', url])
    await (await server.admit()).expect('request')
  })

  test('ends with 4 when the token is refused', async () => {
    const server = await ScriptedServer.start()
    const running = startCli(['call', 'x', '--token', 't', '--url', `nestwire://127.0.0.1:${server.port}`])
    const served = await server.accept()
    await served.expect('hello')
    served.send(welcome())
    const { correlation } = await served.expect('auth')
    served.send({ kind: 'error', correlation, code: 5, retryAfterMs: 0, message: 'bad\nkey', body: Buffer.alloc(0) })
    expect(await running.exitCode).toBe(4)
    expect(running.stderr.text).toBe('nestwire: bad key\n')
  })

  test('ends with 130 on Ctrl-C, closing the connection', async () => {
    const server = await ScriptedServer.start()
    const running = startCli(['call', 'x', '--token', 't', '--url', `nestwire://127.0.0.1:${server.port}`])
    const served = await server.admit()
    await served.expect('request')
    running.interrupt()
    expect(await running.exitCode).toBe(130)
    await served.expect('close')
    expect(running.stderr.text).toBe('')
  })

  test('ends quietly when the reader of its output is gone', async () => {
    const server = await ScriptedServer.start()
    const running = startCli(['call', 'x', '--token', 't', '--url', `nestwire://127.0.0.1:${server.port}`])
    const served = await server.admit()
    await served.expect('request')
    running.stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    expect(await running.exitCode).toBe(0)
    expect(running.stderr.text).toBe('')
  })
})
