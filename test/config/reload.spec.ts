/** A reload is a transaction: all of it or nothing, whatever the file says. */
import { rm, writeFile } from 'node:fs/promises'
import { exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { temporaryFile } from '../auth/key-files.js'
import { auth } from '../support/chat-user.js'
import { startConfigured, type ConfiguredChat, type FileSettings } from './config-file-app.js'

const SECRET = 'a secret that must be in no answer and no line'
const OTHER_SECRET = 'another secret that must be in no answer or line'
const isReady = async ({ healthUrl }: ConfiguredChat): Promise<boolean> => (await fetch(`${healthUrl}/ready`)).ok

describe('nothing changes', () => {
  const good = { NESTWIRE_MAX_ROOMS: '7', NESTWIRE_MAX_CONNECTIONS: '9' }
  const refused: readonly [name: string, bad: FileSettings, problems: readonly string[]][] = [
    [
      'when a live value is wrong',
      { NESTWIRE_PING_INTERVAL_MS: 'soon' },
      ['NESTWIRE_PING_INTERVAL_MS must be a whole number from 10 to 86400000'],
    ],
    [
      'when a value that needs a restart is wrong',
      { NESTWIRE_LOG_JSON: 'maybe' },
      ['NESTWIRE_LOG_JSON must be one of auto, true, false'],
    ],
    [
      'when a name is misspelt',
      { NESTWIRE_MAX_ROOM: '1' },
      ['NESTWIRE_MAX_ROOM is not a setting; the nearest is NESTWIRE_MAX_ROOMS'],
    ],
    [
      'when values do not go together',
      { NESTWIRE_IDLE_TIMEOUT_MS: '1000' },
      ['NESTWIRE_IDLE_TIMEOUT_MS must be more than NESTWIRE_PING_INTERVAL_MS'],
    ],
    [
      'when a key cannot be read',
      { NESTWIRE_AUTH_PUBLIC_KEY_FILE: '/nowhere/key.pem' },
      ['NESTWIRE_AUTH_PUBLIC_KEY_FILE: ENOENT'],
    ],
    [
      'when the file names another file',
      { NESTWIRE_CONFIG_FILE: '/etc/other.env' },
      ['NESTWIRE_CONFIG_FILE is for the environment, not for the file itself'],
    ],
    [
      'when several things are wrong, which are all told',
      { NESTWIRE_MAX_OUTBOX_BYTES: '1', NESTWIRE_RESUME: '', NESTWIRE_X: '' },
      [
        'NESTWIRE_X is not a setting; the nearest is NESTWIRE_HOST',
        'NESTWIRE_MAX_OUTBOX_BYTES must be a whole number from 8192 to 67108864',
      ],
    ],
  ]
  test.each(refused)('%s', async (_name, bad, problems) => {
    const chat = await startConfigured({}, { NESTWIRE_AUTH_SECRET: undefined })
    const before = chat.settings.current
    const { digest } = await chat.reload.dryRun('admin')
    await chat.write({ ...good, ...bad })
    expect(await chat.reload.run('admin')).toMatchObject({ isOk: false, problems, changes: [], digest })
    expect(chat.settings.current).toBe(before)
    expect([chat.reload.counts, await isReady(chat)]).toEqual([{ ok: 0, failed: 1 }, true])
    await chat.write(good)
    expect(await chat.reload.run('admin')).toMatchObject({ isOk: true })
    expect([chat.settings.current.rooms.maxRooms, chat.reload.counts]).toEqual([7, { ok: 1, failed: 1 }])
  })

  test.each([
    ['was deleted', (path: string) => rm(path), 'cannot be read: ENOENT'],
    ['was emptied', (path: string) => writeFile(path, '\n'), 'is empty'],
    ['is too large', (path: string) => writeFile(path, '#'.repeat(1024 * 1024 + 1)), 'is too large'],
  ])('when the file %s', async (_name, harm, reason) => {
    const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' })
    await harm(chat.path)
    const { isOk, problems } = await chat.reload.run('signal')
    expect([isOk, problems]).toEqual([false, [`the configuration file ${chat.path} ${reason}`]])
    expect([chat.settings.current.rooms.maxRooms, await isReady(chat)]).toEqual([7, true])
  })

  test('when what may change does not go with what needs a restart', async () => {
    const chat = await startConfigured(
      {},
      {
        NESTWIRE_AUTH_SECRET: undefined,
        NESTWIRE_CLUSTER_URL: undefined,
      },
    )
    // A next start would take both; the running server can take only the second.
    const running = chat.settings.current
    chat.settings.swap({ ...running, cluster: { ...running.cluster, url: ['nats://127.0.0.1:1'] } })
    await chat.write({ NESTWIRE_MAX_ROOMS: '7' })
    expect((await chat.reload.run('admin')).problems).toContain(
      'NESTWIRE_CLUSTER_URL needs NESTWIRE_AUTH_SECRET or NESTWIRE_AUTH_PUBLIC_KEY_FILE, the same on all nodes',
    )
    expect(chat.settings.current.rooms.maxRooms).not.toBe(7)
  })
})

describe('what a reload says', () => {
  test('a setting that needs a restart waits for it, and is told as long as it does', async () => {
    const chat = await startConfigured({})
    const waiting = { name: 'NESTWIRE_RESUME', from: true, to: false, effect: 'restart' }
    await chat.write({ NESTWIRE_RESUME: 'false', NESTWIRE_MAX_ROOMS: '7' })
    const live = { name: 'NESTWIRE_MAX_ROOMS', from: 100_000, to: 7, effect: 'live' }
    expect((await chat.reload.run('admin')).changes).toEqual([waiting, live])
    expect((await chat.reload.run('admin')).changes).toEqual([waiting])
    expect([chat.settings.current.sessions.resume, chat.reload.pending]).toEqual([true, [waiting]])
    await chat.write({ NESTWIRE_MAX_ROOMS: '7' })
    expect((await chat.reload.run('admin')).changes).toEqual([])
    expect(chat.reload.pending).toEqual([])
  })

  test('the environment wins over the file, which is told of it', async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' }, { NESTWIRE_MAX_ROOMS: '5' })
    const shadowed = { name: 'NESTWIRE_MAX_ROOMS', from: 5, to: '7', effect: 'shadowed' }
    expect([chat.settings.current.rooms.maxRooms, chat.reload.pending]).toEqual([5, [shadowed]])
    await chat.write({ NESTWIRE_MAX_ROOMS: '8' })
    expect((await chat.reload.run('admin')).changes).toEqual([{ ...shadowed, to: '8' }])
    expect(chat.settings.current.rooms.maxRooms).toBe(5)
  })

  test('what the environment overrules must be good, too, and is shadowed as long as it is', async () => {
    const environment = { NESTWIRE_MAX_ROOMS: '5', NESTWIRE_LOG_ENGINE: 'memory' }
    const chat = await startConfigured({}, environment)
    const before = chat.settings.current
    await chat.write({ NESTWIRE_MAX_ROOMS: 'many', NESTWIRE_LOG_ENGINE: 'paper', NESTWIRE_MAX_CONNECTIONS: '9' })
    const announced = await chat.reload.dryRun('admin')
    expect(announced).toMatchObject({
      isOk: false,
      problems: [
        'NESTWIRE_MAX_ROOMS must be a whole number from 1 to 10000000, also in the file, which the environment overrules',
        'NESTWIRE_LOG_ENGINE must be one of lmdb, memory, also in the file, which the environment overrules',
      ],
      changes: [],
    })
    expect(await chat.reload.run('admin')).toEqual({ ...announced, isDryRun: false })
    expect(chat.settings.current).toBe(before)
    await chat.write({ NESTWIRE_MAX_ROOMS: '8', NESTWIRE_LOG_ENGINE: 'memory' })
    const shadowed = { name: 'NESTWIRE_MAX_ROOMS', from: 5, to: '8', effect: 'shadowed' }
    expect(await chat.reload.run('admin')).toMatchObject({ isOk: true, changes: [shadowed] })
  })

  test('a start with what is overruled and broken ends', async () => {
    const broken = startConfigured({ NESTWIRE_AUTH_SECRET: 'hunter2' })
    await expect(broken).rejects.toThrow(
      'NESTWIRE_AUTH_SECRET must have at least 32 characters, also in the file, which the environment overrules',
    )
  })

  test('an empty variable leaves the file its say', async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '7' }, { NESTWIRE_MAX_ROOMS: '' })
    expect([chat.settings.current.rooms.maxRooms, chat.reload.pending]).toEqual([7, []])
  })

  test('secrets show that they changed, and nothing else', async () => {
    const lines: string[] = []
    const spies = ([process.stdout, process.stderr] as const).map((stream) =>
      vi.spyOn(stream, 'write').mockImplementation((text) => lines.push(String(text)) > 0),
    )
    onTestFinished(() => spies.forEach((spy) => spy.mockRestore()))
    const chat = await startConfigured(
      { NESTWIRE_AUTH_SECRET: SECRET, NESTWIRE_TICKET_SECRET: SECRET },
      {
        NESTWIRE_AUTH_SECRET: undefined,
        NESTWIRE_CLUSTER_PASSWORD: SECRET,
        NESTWIRE_CLUSTER_USER: 'u',
        NESTWIRE_LOG_LEVEL: 'verbose',
      },
    )
    const view = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${chat.httpAddress.port}/admin/config`)).text()
    const told = [await view()]
    await chat.write({ NESTWIRE_AUTH_SECRET: OTHER_SECRET, NESTWIRE_CLUSTER_PASSWORD: OTHER_SECRET })
    const result = await chat.reload.run('admin')
    expect(result.changes.map(({ name, effect }) => `${name} ${effect}`)).toEqual([
      'NESTWIRE_AUTH_SECRET live',
      'NESTWIRE_TICKET_SECRET live',
      'NESTWIRE_CLUSTER_PASSWORD shadowed',
    ])
    for (const { from, to } of result.changes) expect(from).not.toEqual(to)
    told.push(JSON.stringify(result), await view())
    // Too short, and in a file that is no key: neither is quoted.
    await chat.write({ NESTWIRE_AUTH_SECRET: 'too short a secret' })
    told.push(JSON.stringify(await chat.reload.run('admin')))
    const key = await temporaryFile(`{ "keys": ${SECRET}`)
    await chat.write({ NESTWIRE_AUTH_PUBLIC_KEY_FILE: key })
    told.push(JSON.stringify(await chat.reload.run('admin')), await view())
    expect(lines.join('')).toContain('reload (admin) refused')
    for (const text of [...told, ...lines]) expect(text).not.toMatch(/a secret|another secret/)
  })
})

test('a key file that was replaced is read again, though its name is the same', async () => {
  const [old, next] = await Promise.all([generateKeyPair('EdDSA'), generateKeyPair('EdDSA')])
  const path = await temporaryFile(await exportSPKI(old.publicKey))
  const chat = await startConfigured({ NESTWIRE_AUTH_PUBLIC_KEY_FILE: path }, { NESTWIRE_AUTH_SECRET: undefined })
  const login = async ({ privateKey }: typeof old): Promise<string | undefined> => {
    const client = await chat.greeted()
    const claims = { sub: 'alice', exp: 4_000_000_000 }
    client.send(auth(await new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA' }).sign(privateKey), 1))
    return (await client.next())?.kind
  }
  expect([await login(old), await login(next)]).toEqual(['authOk', 'error'])
  await writeFile(path, await exportSPKI(next.publicKey))
  expect((await chat.reload.run('admin')).changes).toEqual([])
  expect([await login(old), await login(next)]).toEqual(['error', 'authOk'])
  await writeFile(path, 'no key')
  expect((await chat.reload.run('admin')).isOk).toBe(false)
  expect(await login(next)).toBe('authOk')
})

test('who asks while a reload is under way shares the next one', async () => {
  const chat = await startConfigured()
  await Promise.all(Array.from({ length: 100 }, () => chat.reload.run('signal')))
  expect(chat.reload.counts.ok).toBe(1)
  const first = chat.reload.run('signal')
  await Promise.resolve()
  await chat.write({ NESTWIRE_MAX_ROOMS: '7' })
  const others = await Promise.all(Array.from({ length: 100 }, () => chat.reload.run('signal')))
  await first
  expect(new Set(others).size).toBe(1)
  expect(chat.settings.current.rooms.maxRooms).toBe(7)
  expect(chat.reload.counts.ok).toBeLessThanOrEqual(3)
})
