import { describe, expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { historyReply, joined, ScriptedServer } from '../client/scripted-server.js'
import { cli, startCli, startServer } from './cli-harness.js'

const json = (line: string): unknown => JSON.parse(line)

describe('send and tail', () => {
  test('show a message to who follows the room', async () => {
    const { env } = await startServer()
    await cli(['send', '--user', 'bob', '--room', 'lobby', 'first'], { env })
    const tail = startCli(['tail', '--user', 'bob', '--room', 'lobby', '--after', '1', '--count', '3', '--json'], {
      env,
    })
    await tail.stdout.line((line) => line.includes('first'))
    const sent = await cli(['send', '--user', 'alice', '--room', 'lobby', 'hi there'], { env })
    expect(sent).toMatchObject({ exitCode: 0, stderr: '' })
    expect(json(sent.stdout)).toEqual({ room: 'lobby', seq: 4, timeMs: expect.any(Number) })
    expect(await tail.exitCode).toBe(0)
    const common = { room: 'lobby', timeMs: expect.any(Number) }
    expect(tail.stdout.lines.map(json)).toEqual([
      { ...common, kind: 'text', seq: 2, prev: 1, sender: 'bob', text: 'first' },
      { ...common, kind: 'join', seq: 3, prev: 2, sender: 'alice', username: 'alice' },
      { ...common, kind: 'text', seq: 4, prev: 3, sender: 'alice', text: 'hi there' },
    ])
  })

  test('tail reads on from a seq through history into live', async () => {
    const { env } = await startServer()
    for (const text of ['a', 'b', 'c']) await cli(['send', '--user', 'bob', '--room', 'lobby', text], { env })
    const tail = startCli(['tail', '--user', 'bob', '--room', 'lobby', '--after', '0', '--count', '5', '--json'], {
      env,
    })
    await tail.stdout.line((line) => line.includes('"a"'))
    await cli(['send', '--user', 'bob', '--room', 'lobby', 'd'], { env })
    expect(await tail.exitCode).toBe(0)
    const seqs = tail.stdout.lines.map((line) => (json(line) as { seq: number }).seq)
    expect(seqs).toEqual([1, 2, 3, 4, 5])
  })

  test('tail ends with 130 on Ctrl-C', async () => {
    const { env } = await startServer()
    const tail = startCli(['tail', '--user', 'bob', '--room', 'lobby', '--after', '0'], { env })
    await tail.stdout.line((line) => line.endsWith('→ bob joined'))
    tail.interrupt()
    expect(await tail.exitCode).toBe(130)
  })

  test('tail ends with 4 when its user is removed', async () => {
    const { env } = await startServer()
    await cli(['send', '--user', 'owner', '--room', 'lobby', 'x'], { env })
    const tail = startCli(['tail', '--user', 'bob', '--room', 'lobby', '--after', '0'], { env })
    await tail.stdout.line((line) => line.endsWith('→ bob joined'))
    await cli(['call', 'rooms.ban', '{"room":"lobby","user":"bob"}', '--user', 'owner'], { env })
    expect(await tail.exitCode).toBe(4)
    expect(tail.stderr.text).toBe('nestwire: you were banned\n')
    const again = await cli(['send', '--user', 'bob', '--room', 'lobby', 'x'], { env })
    expect(again.exitCode).toBe(4)
  })
})

describe('call', () => {
  test('prints the reply as JSON', async () => {
    const { env } = await startServer()
    await cli(['send', '--user', 'bob', '--room', 'lobby', 'x'], { env })
    const called = await cli(['call', 'rooms.info', '{"room":"lobby"}', '--user', 'bob'], { env })
    expect(called.exitCode).toBe(0)
    expect(json(called.stdout)).toMatchObject({ room: 'lobby', members: 1, owner: 'bob' })
  })

  test('ends with 1 where the server refuses', async () => {
    const { env } = await startServer()
    expect(await cli(['call', 'no.such', '--user', 'bob'], { env })).toMatchObject({ exitCode: 1, stdout: '' })
    expect(await cli(['call', 'rooms.info', '{"room":"x"}', '--user', 'bob'], { env })).toMatchObject({ exitCode: 1 })
  })

  test('ends with 4 where a token is wanted or wrong', async () => {
    const { env } = await startServer()
    expect(await cli(['call', 'rooms.list'], { env })).toMatchObject({
      exitCode: 4,
      stderr: 'nestwire: the server wants a token\n',
    })
    expect(await cli(['call', 'rooms.list', '--token', 'x'], { env })).toMatchObject({ exitCode: 4 })
  })

  test('takes a token that was made before', async () => {
    const { env } = await startServer()
    const token = (await cli(['token', '--user', 'carol'], { env })).stdout.trim()
    expect(await cli(['call', 'rooms.list', '--token', token], { env })).toMatchObject({ exitCode: 0 })
  })
})

describe('chat', () => {
  test('carries a conversation, piped', async () => {
    const { env } = await startServer()
    const alice = startCli(['chat', '--user', 'alice', '--room', 'lobby'], { env })
    await alice.stdout.line((line) => line.includes('you are alice in lobby'))
    const bob = startCli(['chat', '--user', 'bob', '--room', 'lobby'], { env })
    await alice.stdout.line((line) => line.endsWith('→ bob joined'))
    bob.stdin.write('hello alice\n')
    await alice.stdout.line((line) => line.endsWith('bob: hello alice'))
    alice.stdin.write('hello bob\n//me waves\n')
    await bob.stdout.line((line) => line.endsWith('alice: hello bob'))
    await bob.stdout.line((line) => line.endsWith('alice: /me waves'))
    await alice.stdout.line((line) => line.endsWith('alice (you): hello bob'))
    bob.stdin.write('/leave\n')
    expect(await bob.exitCode).toBe(0)
    await alice.stdout.line((line) => line.endsWith('← bob left'))
    alice.stdin.write('/quit\n')
    expect(await alice.exitCode).toBe(0)
  })

  test('shows what was said before', async () => {
    const { env } = await startServer()
    await cli(['send', '--user', 'alice', '--room', 'lobby', 'early words'], { env })
    const chat = startCli(['chat', '--user', 'bob', '--room', 'lobby'], { env })
    await chat.stdout.line((line) => line.endsWith('alice: early words'))
  })

  test('sends all of its input before it ends', async () => {
    const { env } = await startServer()
    const chat = startCli(['chat', '--user', 'alice', '--room', 'lobby'], { env })
    const texts = Array.from({ length: 50 }, (_, index) => `line ${index}`)
    chat.stdin.end(texts.join('\n'))
    expect(await chat.exitCode).toBe(0)
    const tail = await cli(['tail', '--user', 'alice', '--room', 'lobby', '--after', '1', '--count', '50'], { env })
    expect(tail.stdout.split('\n').map((line) => line.replace(/^.*: /, ''))).toEqual([...texts, ''])
  })

  test('answers its commands, and unknown ones', async () => {
    const { env } = await startServer()
    await cli(['send', '--user', 'alice', '--room', 'lobby', 'x'], { env })
    const chat = startCli(['chat', '--user', 'bob', '--room', 'lobby'], { env })
    chat.stdin.write('/help\n/who\n/dance\n')
    await chat.stdout.line((line) => line.includes('/leave  leave the room'))
    await chat.stdout.line((line) => line.endsWith('bob, alice (away)'))
    await chat.stdout.line((line) => line.includes('there is no command /dance'))
  })

  test('keeps the prompt below what comes in', async () => {
    const { env } = await startServer()
    const chat = startCli(['chat', '--user', 'bob', '--room', 'lobby'], {
      env: { ...env, NO_COLOR: '1' },
      isTerminal: true,
    })
    await chat.stdout.line((line) => line.includes('you are bob'))
    await cli(['send', '--user', 'alice', '--room', 'lobby', 'ping'], { env })
    await chat.stdout.line((line) => line.endsWith('alice: ping'))
    expect(chat.stdout.text.slice(chat.stdout.text.indexOf('alice: ping'))).toMatch(/ online\) > /)
  })

  test('tells what perhaps was sent, and sends the rest when it can', async () => {
    const server = await ScriptedServer.start()
    const env = { NESTWIRE_PORT: String(server.port), NO_COLOR: '1' }
    const chat = startCli(['chat', '--token', 'token', '--room', 'lobby'], { env })
    const served = await server.admit()
    served.send(joined((await served.expect('join')).correlation, 4))
    for (const answer of [{ room: 'lobby', members: 1, online: 1 }, historyReply([])]) {
      const { correlation } = await served.expect('request')
      served.send({ kind: 'reply', correlation, body: encodeBody(answer) })
    }
    await chat.stdout.line((line) => line.includes('you are alice'))
    chat.stdin.write('first\n')
    await served.expect('publish')
    served.socket.end()
    await chat.stdout.line((line) => line.endsWith('perhaps sent, perhaps not: first'))
    chat.stdin.write('second\n')
    await chat.stdout.line((line) => line.endsWith('no connection: this is sent when there is one again'))
    const again = await server.admit()
    await again.expect('request')
    expect((await again.expect('publish')).body.toString()).toBe('second')
  })

  test('ends with 130 on Ctrl-C at a terminal', async () => {
    const { env } = await startServer()
    const chat = startCli(['chat', '--user', 'bob', '--room', 'lobby'], { env, isTerminal: true })
    await chat.stdout.line((line) => line.includes('you are bob'))
    chat.stdin.write('\u0003')
    expect(await chat.exitCode).toBe(130)
  })
})
