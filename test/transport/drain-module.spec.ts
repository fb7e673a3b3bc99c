/** A microservice without HTTP, as a process of its own that somebody ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { RawClient } from '../support/raw-client.js'

const DEADLINE_MS = 6_000
/** Decorators by hand: node runs it as it is. The handler answers when it is told to, from what a shutdown hook takes away. */
const PROGRAM = `
import 'reflect-metadata'
import { once } from 'node:events'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern } from '@nestjs/microservices'
import { NestwireDrainModule, NestwireServer, fixedLimits } from './index.js'

let pool = 'open'
class SlowController {
  async slow() {
    console.log('asked')
    await once(process.stdin, 'data')
    return pool
  }
}
MessagePattern('slow')(SlowController.prototype, 'slow', Object.getOwnPropertyDescriptor(SlowController.prototype, 'slow'))
Controller()(SlowController)
class AppModule {
  onModuleDestroy() { pool = 'closed' }
}
const server = new NestwireServer({ port: 0, limits: fixedLimits({ drainTimeoutMs: ${DEADLINE_MS} }) })
Module({ controllers: [SlowController] })(AppModule)
const app = await NestFactory.createMicroservice(NestwireDrainModule.around(AppModule, server), { strategy: server, logger: false })
app.enableShutdownHooks()
await app.listen()
console.log(server.unwrap().address().port)
`

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

test('SIGTERM answers what is in flight, after GOAWAY and before CLOSE, and ends in time', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: sources.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const port = Number((await lines.next()).value)
  const client = await RawClient.greeted(port)
  const call = { kind: 'request', correlation: 1, priority: 0, deadlineMs: undefined, metadata: undefined } as const
  client.send({ ...call, pattern: 'slow', body: encodeBody(0) })
  expect((await lines.next()).value).toBe('asked')

  const startMs = performance.now()
  child.kill('SIGTERM')
  await client.expect('goAway')
  child.stdin.write('answer\n')
  expect((await client.expect('reply')).body).toEqual(encodeBody('open'))
  await client.expectClosed('ShuttingDown')
  client.end()
  await exit
  expect(performance.now() - startMs).toBeLessThan(DEADLINE_MS)
})
