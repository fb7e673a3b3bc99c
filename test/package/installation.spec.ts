/** `npm pack`, then what its users do with it. Needs a build, and the npm registry or its cache. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { freePort } from '../nest/chat-scene.js'
import { Workplace, type Project } from './installed.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

const NEST = ['@nestjs/common@12', '@nestjs/core@12', '@nestjs/microservices@12', 'reflect-metadata', 'rxjs', 'zod@4']
const TYPES = '@types/node@24'
const NODE = process.execPath
const SERVE = ['node_modules/nestwire/dist/cli/main.js', 'serve']
const FREE_PORTS = { NESTWIRE_PORT: '0', NESTWIRE_HTTP_PORT: '0' }
const ADDRESS = /(nestwire:\/\/\S+:\d+)/

/** What `nest new` makes, but for its service. */
const APP_MODULE = `import { Module } from '@nestjs/common'
import { AppController } from './app.controller.js'
@Module({ controllers: [AppController] })
export class AppModule {}`

const textOf = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

/** The blocks of a page that begin with the name of a file. */
function filesOf(page: string): readonly (readonly [name: string, text: string])[] {
  const blocks = textOf(`../../${page}`).matchAll(/^```ts\n(\/\/ src\/(\S+\.ts).*\n[^]*?)^```$/gm)
  return Array.from(blocks, ([, text = '', name = '']) => [name, text] as const)
}

let workplace: Workplace
let tarball: string
let nest: Project
beforeAll(async () => {
  workplace = await Workplace.make()
  tarball = await workplace.pack()
  const files = ['server.ts', 'caller.ts', 'chat.ts', 'embedding.ts', 'news.policy.ts', 'inferred.ts', 'who.ts']
  nest = await workplace.project('nest', { packages: [tarball, ...NEST, TYPES], files })
})
afterAll(() => workplace.remove())

/** The service of `fresh-app/server.ts`; resolves with its port. */
async function startService(): Promise<string> {
  expect(await nest.compile()).toBe('')
  return nest.start(NODE, ['dist/server.js'], /listening on (\d+)/)
}

describe('in a new Nest application', () => {
  test('it compiles under every strict rule, and its server and its clients talk', async () => {
    const port = await startService()
    const answers: unknown = JSON.parse(await nest.run(NODE, 'dist/caller.js', port))
    expect(answers).toEqual([3, 'BAD_PAYLOAD', [0, 1, 2], 'traced', 1])
  })

  test('what the README says is typed in compiles, and its two applications talk', async () => {
    const [port, httpPort] = [await freePort(), await freePort()]
    const files = filesOf('README.md')
    const names = ['notifier.module.ts', 'notifier.ts', 'main.ts', 'app.controller.ts', 'caller.ts']
    expect(files.map(([name]) => name)).toEqual(names)
    for (const [name, text] of files) {
      // In one go: a free port may have the digits of the other in it.
      await nest.write(
        name,
        text.replace(/7425|3000/g, (written) => String(written === '7425' ? port : httpPort)),
      )
    }
    await nest.write('app.module.ts', APP_MODULE)
    expect(await nest.compile()).toBe('')
    await nest.start(NODE, ['dist/main.js'], /(successfully started)/)
    await nest.start(NODE, ['dist/caller.js'], /(application successfully started)/)
    const answers = ['sum', 'count'].map(async (path) => (await fetch(`http://127.0.0.1:${httpPort}/${path}`)).json())
    expect(await Promise.all(answers)).toEqual([6, [1, 2, 3]])
  })

  test('what the guide to the transport says of tokens compiles, and whoever has none is refused', async () => {
    const port = String(await freePort())
    const files = filesOf('docs/nest/transport.md')
    expect(files.map(([name]) => name)).toEqual(['main.ts', 'app.controller.ts'])
    for (const [name, text] of files) await nest.write(name, text.replace('7425', port))
    await nest.write('app.module.ts', APP_MODULE)
    expect(await nest.compile()).toBe('')
    await nest.start(NODE, ['dist/main.js'], /(successfully started)/)
    const tokens = [['key-of-the-shop'], ['another'], []]
    const answers = tokens.map((token) => nest.run(NODE, 'dist/who.js', port, ...token))
    expect(await Promise.all(answers)).toEqual(['shop', 'TOKEN_INVALID', 'TOKEN_REQUIRED'])
  })

  test('one copy of Nest is for the application and for the package', async () => {
    const paths = await nest.run('npm', 'ls', '--all', '--parseable', '@nestjs/common', '@nestjs/core', 'rxjs', 'zod')
    const installed = paths.split('\n').map((path) => path.split('/nest/node_modules/')[1])
    expect(installed).toEqual(['@nestjs/common', '@nestjs/core', 'rxjs', 'zod'])
  })

  test('npx nestwire tells its commands', async () => {
    expect(await nest.run('npx', 'nestwire', '--help')).toContain('Usage: nestwire COMMAND')
  })

  test('nestwire serves, and services and people chat', async () => {
    const address = await nest.start(NODE, SERVE, ADDRESS, FREE_PORTS)
    const token = await nest.run('npx', 'nestwire', 'token', '--user', 'news', '--role', 'service')
    const { port } = new URL(address)
    expect(JSON.parse(await nest.run(NODE, 'dist/chat.js', port, token))).toEqual({ isSame: true, text: 'first' })
    const hello = ['send', '--user', 'alice', '--room', 'lobby', '--url', address, 'hello']
    expect(JSON.parse(await nest.run('npx', 'nestwire', ...hello))).toMatchObject({ room: 'lobby' })
  })

  test('an application serves with the server in it, and with the rules for rooms of the guide', async () => {
    const policy = `// src/news.policy.ts\n${textOf('fresh-app/news.policy.ts')}`
    expect(filesOf('docs/nest/embed-the-server.md')).toEqual([['news.policy.ts', policy]])
    expect(Number(await nest.start(NODE, ['dist/embedding.js'], /listening on (\d+)/))).toBeGreaterThan(0)
  })

  test('without lmdb it serves from memory, and says what the disk needs', async () => {
    await nest.remove('lmdb')
    const missing = 'NESTWIRE_LOG_ENGINE=lmdb needs the package lmdb'
    expect(await nest.fails(NODE, SERVE, FREE_PORTS)).toContain(missing)
    await nest.start(NODE, SERVE, ADDRESS, { ...FREE_PORTS, NESTWIRE_LOG_ENGINE: 'memory' })
  })
})

test('in an application without Nest the client compiles and talks, and Nest is not there', async () => {
  const flags = ['--omit=optional', '--omit=peer']
  const files = ['without-nest.ts', 'inferred-client.ts']
  const app = await workplace.project('app', { packages: [tarball, TYPES], flags, files })
  expect(await app.compile()).toBe('')
  const installed = await app.installed()
  expect(['lmdb', 'reflect-metadata', 'rxjs', 'zod'].filter((name) => installed.includes(name))).toEqual([])
  const port = await startService()
  expect(JSON.parse(await app.run(NODE, 'dist/without-nest.js', port))).toEqual(['connected', 42, 'wire'])
})
