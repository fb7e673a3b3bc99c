import { describe, expect, onTestFinished, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ClientConnection, type ConnectionOptions, type NestwireError } from '../../src/client/index.js'
import { ManualClock } from '../support/manual-clock.js'
import type { WireLimits } from '../../src/protocol/packets.js'
import { deliver, joined, ScriptedServer } from './scripted-server.js'

async function start(options: ConnectionOptions = {}, limits: WireLimits = {}) {
  const server = await ScriptedServer.start()
  const ends: (NestwireError | undefined)[] = []
  const handlers = { onClosed: (error: NestwireError | undefined) => ends.push(error), ...options.handlers }
  const opening = ClientConnection.open({ port: server.port, token: 'token', ...options, handlers })
  const served = await server.admit(limits)
  const connection = await opening
  onTestFinished(() => connection.close())
  return { connection, served, ends }
}

/** One call of every sort, none of which may hang. */
function callsInFlight(connection: ClientConnection): Promise<string[]> {
  const observed = new Promise((_, reject) => {
    connection.call('x', undefined, {}, { next: () => undefined, error: reject, complete: () => undefined })
  })
  const iterated = (async () => {
    for await (const _ of connection.stream('x')) continue
  })()
  const calls = [
    connection.request('x'),
    connection.join('lobby'),
    connection.publish('lobby', 'hi'),
    connection.refresh('token'),
    observed,
    iterated,
  ]
  return Promise.all(calls.map(codeOf))
}

const publish = (connection: ClientConnection) => codeOf(connection.publish('lobby', 'x'.repeat(100)))

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fulfilled',
    ({ code }: { code: string }) => code,
  )

describe('the server ends it', () => {
  const classes = [
    [CloseCode.TokenExpired, 'TOKEN_EXPIRED', 'now'],
    [CloseCode.ServerFull, 'SERVER_FULL', 'later'],
    [3000, 'BELONGS_ELSEWHERE', 'elsewhere'],
    [CloseCode.AuthRejected, 'AUTH_REJECTED', 'never'],
  ] as const
  for (const [closeCode, code, retryClass] of classes) {
    test(`fails every call with ${code}, to retry ${retryClass}`, async () => {
      const { connection, served, ends } = await start()
      const calls = callsInFlight(connection)
      served.closeWith(closeCode, { retryAfterMs: 30, message: 'because', target: 'b:1' })
      expect(await calls).toEqual(Array(6).fill(code))
      const error = { name: 'ServerClosedError', closeCode, code, retryClass, retryAfterMs: 30, target: 'b:1' }
      expect(ends).toEqual([expect.objectContaining({ ...error, message: 'because' })])
    })
  }

  test('fails every call when it hangs up without a word', async () => {
    const { connection, served, ends } = await start()
    const calls = callsInFlight(connection)
    served.socket.end()
    expect(await calls).toEqual(Array(6).fill('CONNECTION_LOST'))
    expect(ends).toHaveLength(1)
  })

  test('keeps the code of a reset', async () => {
    const { connection, served } = await start()
    const calls = codeOf(connection.request('x'))
    await served.expect('request')
    served.socket.resetAndDestroy()
    expect(await calls).toBe('ECONNRESET')
  })

  test('reports the end inside a frame as its cause', async () => {
    const { connection, served, ends } = await start()
    const call = codeOf(connection.request('x'))
    served.socket.end(Buffer.from('deadbeef0000', 'hex'))
    expect(await call).toBe('CONNECTION_LOST')
    expect(ends[0]?.cause).toMatchObject({ closeCode: CloseCode.EofInFrame })
  })

  test('answers garbage with the close code and fails every call', async () => {
    const { connection, served } = await start()
    const call = codeOf(connection.request('x'))
    await served.expect('request')
    served.socket.write('garbage')
    expect(await call).toBe('PROTOCOL_ERROR')
    expect(await served.expect('close')).toMatchObject({ code: CloseCode.BadMagic })
  })

  test('takes no packet that only clients send', async () => {
    const { connection, served } = await start()
    const call = codeOf(connection.request('x'))
    await served.expect('request')
    served.send({ kind: 'cancel', correlation: 1 })
    expect(await call).toBe('PROTOCOL_ERROR')
  })

  test('hands over what was read before the end, also while reading is held', async () => {
    const { connection, served, ends } = await start()
    const heard: unknown[] = []
    connection.call(
      'x',
      undefined,
      {},
      {
        next: (value) => {
          heard.push(value)
          connection.pause()
        },
        error: ({ code }) => heard.push(code),
        complete: () => heard.push('complete'),
      },
    )
    const { correlation } = await served.expect('request')
    const values = [1, 2, 3].map((value) => ({ kind: 'next', correlation, body: encodeBody(value) }) as const)
    const close = { kind: 'close', code: CloseCode.ShuttingDown, retryAfterMs: 30, target: 'b:1', message: '' } as const
    served.send(...values, { kind: 'end', correlation }, close)
    served.socket.end()
    await expect.poll(() => ends).toMatchObject([{ code: 'SHUTTING_DOWN', retryAfterMs: 30, target: 'b:1' }])
    expect(heard).toEqual([1, 2, 3, 'complete'])
  })

  test('refuses calls on a connection that is over', async () => {
    const { connection, served, ends } = await start()
    served.socket.end()
    await expect.poll(() => ends).toHaveLength(1)
    expect(await callsInFlight(connection)).toEqual(Array(6).fill('NOT_CONNECTED'))
    expect(await codeOf(connection.emit('x'))).toBe('NOT_CONNECTED')
  })
})

describe('this side ends it', () => {
  test('writes what waits, CLOSE and FIN, and fails the calls', async () => {
    const { connection, served, ends } = await start()
    const call = codeOf(connection.request('last words'))
    const closing = connection.close()
    expect(await call).toBe('CLOSED')
    expect(await served.expect('request')).toMatchObject({ pattern: 'last words' })
    expect(await served.expect('close')).toMatchObject({ code: CloseCode.Normal })
    await served.expectEnd()
    await closing
    await connection.close()
    expect(ends).toEqual([undefined])
  })

  test('cuts a server that does not hang up after a second', async () => {
    const clock = new ManualClock()
    const { connection, served } = await start({ clock })
    served.hangsUp = false
    const closing = connection.close()
    await served.expect('close')
    clock.advance(999)
    expect(connection.socket.destroyed).toBe(false)
    clock.advance(1)
    await closing
    expect(clock.timers).toBe(0)
  })
})

describe('silence', () => {
  const limits = { pingIntervalMs: 1000, idleTimeoutMs: 3000 }

  test('pings after the ping interval, not before', async () => {
    const clock = new ManualClock()
    const { served } = await start({ clock }, limits)
    clock.advance(999)
    await served.expectNothing()
    clock.advance(999)
    await served.expectNothing()
    clock.advance(1000)
    const { correlation } = await served.expect('ping')
    expect(correlation).toBeGreaterThan(0)
    served.send({ kind: 'pong', correlation })
    await served.expectNothing()
  })

  test('gives up at the idle timeout, not before', async () => {
    const clock = new ManualClock()
    const { connection, ends } = await start({ clock }, limits)
    const calls = callsInFlight(connection)
    clock.advance(2999)
    expect(ends).toEqual([])
    clock.advance(1)
    expect(await calls).toEqual(Array(6).fill('IDLE_TIMEOUT'))
    expect(clock.timers).toBe(0)
  })

  test('takes a new interval from LIMITS', async () => {
    const clock = new ManualClock()
    const { served } = await start({ clock }, limits)
    served.send({ kind: 'limits', limits: { pingIntervalMs: 100 } })
    await served.expectNothing()
    clock.advance(100)
    expect(await served.expect('ping')).toMatchObject({ kind: 'ping' })
  })

  test('stands still while reading is paused, pings go on', async () => {
    const clock = new ManualClock()
    const heard: unknown[] = []
    const { connection, served, ends } = await start({ clock, handlers: { onDeliver: (it) => heard.push(it) } }, limits)
    connection.pause()
    clock.advance(1000)
    await served.expect('ping')
    clock.advance(5000)
    await served.expect('ping')
    served.send(deliver([1]))
    expect([heard, ends]).toEqual([[], []])
    connection.resume()
    clock.advance(2999)
    expect(ends).toEqual([])
    await expect.poll(() => heard).toHaveLength(1)
  })
})

describe('bounds', () => {
  test('refuses a packet one byte above the frame limit', async () => {
    const { connection, served } = await start({}, { maxFrameBytes: 1000 })
    const overhead = 6 + 1 + 'lobby'.length + 16
    expect(await codeOf(connection.publish('lobby', 'x'.repeat(1000 - overhead + 1)))).toBe('FRAME_TOO_LARGE')
    await served.expectNothing()
    void codeOf(connection.publish('lobby', 'x'.repeat(1000 - overhead)))
    expect((await served.expect('publish')).body).toHaveLength(1000 - overhead)
  })

  test('follows a frame limit that was lowered', async () => {
    const { connection, served } = await start({}, { maxFrameBytes: 1000 })
    served.send({ kind: 'limits', limits: { maxFrameBytes: 500 } })
    await served.expectNothing()
    expect(await codeOf(connection.publish('lobby', 'x'.repeat(600)))).toBe('FRAME_TOO_LARGE')
  })

  test('refuses the call that would exceed the outbox by a byte', async () => {
    const frameBytes = 16 + 6 + 1 + 'lobby'.length + 16 + 100
    const exact = await start({ maxOutboxBytes: 2 * frameBytes })
    const [first, second] = [publish(exact.connection), publish(exact.connection)]
    expect(await publish(exact.connection)).toBe('OUTBOX_FULL')
    await exact.served.expect('publish')
    await exact.served.expect('publish')
    const tight = await start({ maxOutboxBytes: 2 * frameBytes - 1 })
    void publish(tight.connection)
    expect(await publish(tight.connection)).toBe('OUTBOX_FULL')
    await exact.connection.close()
    expect(await Promise.all([first, second])).toEqual(['CLOSED', 'CLOSED'])
  })

  test('takes more once the outbox has left', async () => {
    const { connection, served } = await start({ maxOutboxBytes: 400 })
    for (const text of ['first', 'second']) {
      void codeOf(connection.publish('lobby', text.padEnd(300)))
      expect((await served.expect('publish')).body.toString()).toBe(text.padEnd(300))
    }
  })
})

describe('reading', () => {
  test('hands over nothing while paused and all after', async () => {
    const heard: number[] = []
    const handlers = { onDeliver: ({ records }: { records: readonly { seq: number }[] }) => heard.push(records.length) }
    const { connection, served } = await start({ handlers })
    const joining = connection.join('lobby', () => connection.pause())
    served.send(joined((await served.expect('join')).correlation, 0), deliver([1]), deliver([2, 3]))
    await joining
    await new Promise(setImmediate)
    expect(heard).toEqual([])
    connection.resume()
    await served.expectNothing()
    expect(heard).toEqual([1, 2])
  })
})
