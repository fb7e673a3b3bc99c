/** A disk that is full and gets room again. As root on a disk of its own, else with the store's files swapped. */
import { spawnSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { Feature } from '../../src/protocol/constants.js'
import { emptyFolder } from '../log/open-logs.js'
import { fillDiskUnder } from '../support/broken-disk.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { ChatUser, join as joining, publish } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'

interface Disk {
  readonly dataDir: string
  readonly fill: () => Promise<void>
  readonly free: () => Promise<void>
}

const DISK_KIB = 4 * 1024
/** Less than is said. */
const WINDOW_BYTES = 140_000

/** A small tmpfs; `undefined` if this user may not mount. */
async function ownDisk(): Promise<Disk | undefined> {
  const dataDir = await emptyFolder()
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_KIB}k`, 'tmpfs', dataDir])
  if (status !== 0) return undefined
  onTestFinished(() => void spawnSync('umount', ['-l', dataDir]))
  const filler = join(dataDir, 'filler')
  return {
    dataDir,
    fill: () => writeFile(filler, Buffer.alloc(DISK_KIB * 1024)).catch(() => undefined),
    free: () => rm(filler),
  }
}

async function swappedFiles(): Promise<Disk> {
  const dataDir = await emptyFolder()
  return { dataDir, fill: () => fillDiskUnder(join(dataDir, 'log')), free: async () => undefined }
}

const isReady = async ({ healthUrl }: Chat): Promise<boolean> => (await fetch(`${healthUrl}/ready`)).ok

/** The log tries again after some seconds. */
async function recovered(chat: Chat): Promise<void> {
  await expect
    .poll(async () => {
      chat.clock.advance(5_000)
      return isReady(chat)
    })
    .toBe(true)
}

const disks: readonly (readonly [string, () => Promise<Disk>])[] = [
  ['a disk of its own', async () => (await ownDisk()) ?? swappedFiles()],
  ['swapped files', swappedFiles],
]
test.each(disks)('a full disk refuses messages until it has room again: %s', async (_what, make) => {
  const disk = await make()
  const chat = await startChat({
    NESTWIRE_LOG_ENGINE: 'lmdb',
    NESTWIRE_DATA_DIR: disk.dataDir,
    NESTWIRE_CONFIRM_WINDOW_BYTES: String(WINDOW_BYTES),
  })
  const router = chat.app.get(BackpressureRouter, { strict: false })
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  const slow = await ChatUser.login(chat.port, await chat.tokenOf('slow'), hello({ features: Feature.Positions }))
  for (const user of [alice, bob, slow]) await user.join('lobby')
  await alice.hears('lobby', ['+bob', '+slow'])
  await bob.hears('lobby', ['+slow'])
  const lines = Array.from({ length: 10 }, (_, n) => `${n} ${'x'.repeat(20_000)}`)
  for (const line of lines) await alice.says('lobby', line)
  const { seq } = await alice.says('lobby', 'fits')
  for (const user of [alice, bob]) await user.hears('lobby', [...lines, 'fits'])
  expect(router.laggingConnections).toBe(1)

  await disk.fill()
  const refusal = (body: string) => alice.refusalOf((correlation) => publish('lobby', body, correlation))
  expect(await refusal('x'.repeat(30_000))).toBe('COMMIT_FAILED')
  expect(await refusal('small')).toBe('LOG_UNAVAILABLE')
  expect(await isReady(chat)).toBe(false)
  for (let again = 0; again < 20; again += 1) expect(await refusal('x'.repeat(30_000))).toBe('LOG_UNAVAILABLE')
  expect(router.heldBytes).toBe(0)
  await bob.expectNothing()
  // Who is behind reads on from what is there.
  const confirming = setInterval(() => slow.confirm(), 5)
  await slow.hears('lobby', [...lines, 'fits']).finally(() => clearInterval(confirming))
  await expect(bob.request('chat.history', { room: 'lobby', limit: 1 })).resolves.toMatchObject({ records: [{ seq }] })

  await disk.free()
  await recovered(chat)
  expect(await alice.says('lobby', 'fits again')).toMatchObject({ seq: seq + 1 })
  for (const user of [alice, bob, slow]) {
    await user.hears('lobby', ['fits again'])
    await user.settled()
    expect(user.inbox.filter(({ kind }) => kind === 'deliver')).toEqual([])
  }
})

/** Where not even a page fits that was free before. */
test('a room cannot be founded on a full disk, and can when it has room again', async () => {
  const disk = await swappedFiles()
  const chat = await startChat({ NESTWIRE_LOG_ENGINE: 'lmdb', NESTWIRE_DATA_DIR: disk.dataDir })
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await disk.fill()
  expect(await alice.refusalOf((correlation) => joining('new', correlation))).toBe('COMMIT_FAILED')
  expect(await bob.refusalOf((correlation) => joining('new', correlation))).toBe('LOG_UNAVAILABLE')
  expect(await isReady(chat)).toBe(false)

  await disk.free()
  await recovered(chat)
  const founded = async (): Promise<unknown> => {
    chat.clock.advance(5_000)
    return alice.request('rooms.join', { room: 'new' }).catch(() => undefined)
  }
  await expect.poll(founded).toMatchObject({ role: 'owner', members: 1 })
  for (const user of [alice, bob]) await user.join('new')
  await alice.hears('new', ['+bob'])
  await alice.says('new', 'hello')
  for (const user of [alice, bob]) await user.hears('new', ['hello'])
})

test.each(disks)(
  'the first message of a room is refused by a full disk, and the next is the first: %s',
  async (_what, make) => {
    const disk = await make()
    const chat = await startChat({
      NESTWIRE_LOG_ENGINE: 'lmdb',
      NESTWIRE_DATA_DIR: disk.dataDir,
      NESTWIRE_ANNOUNCE_MEMBERS_MAX: '0',
    })
    const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
    for (const user of [alice, bob]) expect((await user.join('lobby')).seq).toBe(0)
    await disk.fill()
    const large = 'x'.repeat(30_000)
    expect(await alice.refusalOf((correlation) => publish('lobby', large, correlation))).toBe('COMMIT_FAILED')
    expect(await isReady(chat)).toBe(false)
    await bob.settled()
    expect(bob.inbox.filter(({ kind }) => kind === 'deliver')).toEqual([])

    await disk.free()
    await recovered(chat)
    expect((await alice.says('lobby', 'first')).seq).toBe(1)
    for (const user of [alice, bob]) await user.hears('lobby', ['first'])
    await bob.settled()
    expect(bob.inbox.filter(({ kind }) => kind === 'deliver')).toEqual([])
  },
)
