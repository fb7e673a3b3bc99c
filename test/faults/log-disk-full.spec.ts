/** A disk that is full and gets room again. As root on a disk of its own, else with the store's files swapped. */
import { spawnSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { emptyFolder } from '../log/open-logs.js'
import { fillDiskUnder } from '../support/broken-disk.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { publish } from '../support/chat-user.js'

interface Disk {
  readonly dataDir: string
  readonly fill: () => Promise<void>
  readonly free: () => Promise<void>
}

const DISK_KIB = 4 * 1024

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

test.each([
  ['a disk of its own', async () => (await ownDisk()) ?? swappedFiles()],
  ['swapped files', swappedFiles],
])('a full disk refuses messages until it has room again: %s', async (_what, make) => {
  const disk = await make()
  const chat = await startChat({ NESTWIRE_LOG_ENGINE: 'lmdb', NESTWIRE_DATA_DIR: disk.dataDir })
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await alice.join('lobby')
  await bob.join('lobby')
  await alice.hears('lobby', ['+bob'])
  const { seq } = await alice.says('lobby', 'fits')
  for (const user of [alice, bob]) await user.hears('lobby', ['fits'])

  await disk.fill()
  const refusal = (body: string) => alice.refusalOf((correlation) => publish('lobby', body, correlation))
  expect(await refusal('x'.repeat(30_000))).toBe('COMMIT_FAILED')
  expect(await refusal('small')).toBe('LOG_UNAVAILABLE')
  expect(await isReady(chat)).toBe(false)
  await bob.expectNothing()
  await expect(bob.request('chat.history', { room: 'lobby' })).resolves.toMatchObject({ more: false })

  await disk.free()
  await expect
    .poll(async () => {
      chat.clock.advance(5_000)
      return isReady(chat)
    })
    .toBe(true)
  expect(await alice.says('lobby', 'fits again')).toMatchObject({ seq: seq + 1 })
  for (const user of [alice, bob]) await user.hears('lobby', ['fits again'])
})
