import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { NO_SEQ } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { temporaryFolder } from '../auth/key-files.js'
import { roomId, userId } from '../delivery/names.js'
import { asNobody, openLog } from '../log/open-logs.js'
import { runApp } from '../support/running-app.js'
import { OrderedDisk } from '../support/server-process.js'
import { cli } from './cli-harness.js'

const BIN = new URL('../../dist/cli/main.js', import.meta.url).pathname
const lobby = roomId('lobby')
const MIB = 1024 * 1024

/** A data folder whose lobby says `text`. */
async function dataWith(text: string): Promise<string> {
  const dataDir = await temporaryFolder()
  await say(dataDir, text)
  return dataDir
}

async function say(dataDir: string, text: string): Promise<void> {
  const { log } = await openLog({}, { folder: join(dataDir, 'log') })
  await log.append(lobby, { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(text) })
  await log.close()
}

async function saidIn(dataDir: string): Promise<readonly string[]> {
  const { log } = await openLog({}, { folder: join(dataDir, 'log') })
  const records = await log.readAfter(lobby, NO_SEQ, { maxRecords: 100, maxBytes: Infinity })
  await log.close()
  return records.map(({ body }) => body.toString())
}

const backUp = (dataDir: string, target: string) => cli(['store', 'backup', target, '--data-dir', dataDir])
const restore = (dataDir: string, backup: string, ...more: readonly string[]) =>
  cli(['store', 'restore', backup, '--data-dir', dataDir, ...more])

async function backupOf(dataDir: string): Promise<string> {
  const target = join(await temporaryFolder(), 'backup')
  expect(await backUp(dataDir, target)).toMatchObject({ exitCode: 0 })
  return target
}

async function expectRefusal(refused: ReturnType<typeof cli>, reason: RegExp): Promise<void> {
  const { exitCode, stdout, stderr } = await refused
  expect([exitCode, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^nestwire: [^\n]+\n$/)
  expect(stderr).toMatch(reason)
}

/** A disk of its own; `undefined` if this user may not mount. */
async function smallDisk(bytes: number): Promise<string | undefined> {
  const folder = await temporaryFolder()
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  if (status !== 0) return undefined
  onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  return folder
}

describe('backup', () => {
  test('says what it did when it is done', async () => {
    const dataDir = await dataWith('one')
    const target = join(await temporaryFolder(), 'by', 'day')
    const { exitCode, stdout, stderr } = await cli(['store', 'backup', target], { env: { NESTWIRE_DATA_DIR: dataDir } })
    expect([exitCode, stderr]).toEqual([0, ''])
    const { size } = await stat(join(target, 'data.mdb'))
    expect(JSON.parse(stdout)).toEqual({ backup: target, log: join(dataDir, 'log'), bytes: size })
    expect(await readdir(target)).toEqual(['SHA256SUMS', 'data.mdb'])
    expect((await stat(target)).mode & 0o777).toBe(0o700)
  })

  test('holds what sha256sum checks', async () => {
    const backup = await backupOf(await dataWith('one'))
    expect(spawnSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: backup }).status).toBe(0)
  })

  test('goes into an empty folder that is there, and for nobody else to read', async () => {
    const target = await temporaryFolder()
    await chmod(target, 0o755)
    expect(await backUp(await dataWith('one'), target)).toMatchObject({ exitCode: 0 })
    for (const file of await readdir(target)) expect((await stat(join(target, file))).mode & 0o777).toBe(0o600)
    const dataDir = await temporaryFolder()
    expect(await restore(dataDir, target)).toMatchObject({ exitCode: 0 })
    expect(await saidIn(dataDir)).toEqual(['one'])
  })

  test('never writes over anything', async () => {
    const dataDir = await dataWith('one')
    const backup = await backupOf(dataDir)
    const before = await readFile(join(backup, 'data.mdb'))
    await say(dataDir, 'two')
    await expectRefusal(backUp(dataDir, backup), /is not empty/)
    expect(await readdir(backup)).toEqual(['SHA256SUMS', 'data.mdb'])
    expect((await readFile(join(backup, 'data.mdb'))).equals(before)).toBe(true)
    await expectRefusal(backUp(dataDir, join(backup, 'data.mdb')), /no backup can be made in .+EEXIST/)
  })

  test('of a folder without a log makes nothing', async () => {
    const target = join(await temporaryFolder(), 'backup')
    await expectRefusal(backUp(await temporaryFolder(), target), /there is no room log in .+/)
    expect(existsSync(target)).toBe(false)
  })

  test.each([0, 1 / 3, 0.9])('of a store cut to %f of its length leaves nothing', async (part) => {
    const dataDir = await dataWith('x'.repeat(50_000))
    const path = join(dataDir, 'log', 'data.mdb')
    await truncate(path, Math.floor((await stat(path)).size * part) + 1)
    const target = join(await temporaryFolder(), 'backup')
    await expectRefusal(backUp(dataDir, target), /was not backed up to .+: (data\.mdb|MDB_)/)
    expect(existsSync(target)).toBe(false)
  })

  test('to where nothing may be written says so', async () => {
    const dataDir = await dataWith('one')
    const parent = await temporaryFolder()
    for (const path of [dataDir, join(dataDir, 'log')]) await chmod(path, 0o755)
    await chmod(parent, 0o555)
    await asNobody(() => expectRefusal(backUp(dataDir, join(parent, 'backup')), /no backup can be made in .+EACCES/))
  })

  test('that the disk has no room for leaves nothing', async () => {
    const disk = await smallDisk(MIB)
    // Only root may make one.
    if (disk === undefined) return
    const dataDir = await dataWith('x'.repeat(2 * MIB))
    await expectRefusal(backUp(dataDir, join(disk, 'backup')), /was not backed up to .+: No space left on device/)
    expect(await readdir(disk)).toEqual([])
    await expectRefusal(backUp(dataDir, disk), /No space left on device/)
    expect(await readdir(disk)).toEqual([])
  })

  test('that is interrupted leaves nothing', async () => {
    const dataDir = await dataWith('one')
    const target = join(await temporaryFolder(), 'backup')
    const disk = await OrderedDisk.make()
    await disk.order('hold sync')
    // A process of its own: in this one it would go on with the store after its end.
    const running = spawn(process.execPath, [BIN, 'store', 'backup', target, '--data-dir', dataDir], {
      env: { ...process.env, ...disk.env },
    })
    onTestFinished(() => void running.kill('SIGKILL'))
    const ended = once(running, 'exit')
    await disk.holds()
    expect(existsSync(target)).toBe(true)
    running.kill('SIGINT')
    await expect.poll(() => existsSync(target)).toBe(false)
    await disk.order('ok')
    expect(await ended).toEqual([130, null])
    expect(existsSync(target)).toBe(false)
    expect(await saidIn(dataDir)).toEqual(['one'])
  })
})

describe('restore', () => {
  test('makes the folder, and says what it did', async () => {
    const backup = await backupOf(await dataWith('one'))
    const dataDir = join(await temporaryFolder(), 'data')
    const { exitCode, stdout, stderr } = await restore(dataDir, backup)
    expect([exitCode, stderr]).toEqual([0, ''])
    const log = join(dataDir, 'log')
    const { size } = await stat(join(log, 'data.mdb'))
    expect(JSON.parse(stdout)).toEqual({ backup, log, bytes: size, replaced: null })
    expect(await readdir(log)).toEqual(['data.mdb'])
    expect(await saidIn(dataDir)).toEqual(['one'])
  })

  test('leaves a log that is there alone unless told to replace it', async () => {
    const backup = await backupOf(await dataWith('one'))
    const dataDir = await dataWith('two')
    await expectRefusal(restore(dataDir, backup), /there is a room log in .+: --replace moves it aside/)
    expect(await saidIn(dataDir)).toEqual(['two'])
    const { exitCode, stdout } = await restore(dataDir, backup, '--replace')
    expect(exitCode).toBe(0)
    expect(await saidIn(dataDir)).toEqual(['one'])
    const { replaced } = JSON.parse(stdout) as { replaced: string }
    const elsewhere = await temporaryFolder()
    await mkdir(join(elsewhere, 'log'))
    await writeFile(join(elsewhere, 'log', 'data.mdb'), await readFile(replaced))
    expect(await saidIn(elsewhere)).toEqual(['two'])
  })

  test('is refused while a server runs, and harms nothing', async () => {
    const backup = await backupOf(await dataWith('one'))
    const dataDir = await dataWith('two')
    const { close } = await runApp({ NESTWIRE_DATA_DIR: dataDir })
    await expectRefusal(restore(dataDir, backup, '--replace'), /another process is using .+: stop it/)
    await close()
    expect(await saidIn(dataDir)).toEqual(['two'])
  })

  const damages: Record<string, [damage: (backup: string) => Promise<void>, reason: RegExp]> = {
    'without its checksum': [(backup) => rm(join(backup, 'SHA256SUMS')), /is no backup: there is no SHA256SUMS in it/],
    'that is not there': [(backup) => rm(backup, { recursive: true }), /is no backup: there is no SHA256SUMS/],
    'without its store': [(backup) => rm(join(backup, 'data.mdb')), /was not restored to .+ENOENT/],
    'with a checksum of something else': [
      (backup) => writeFile(join(backup, 'SHA256SUMS'), `${'0'.repeat(64)}  data.txt\n`),
      /is damaged: its SHA256SUMS does not name data\.mdb/,
    ],
    'that is cut short': [
      (backup) => truncate(join(backup, 'data.mdb'), 8_192),
      /is damaged: its data\.mdb is not what was backed up/,
    ],
    'that is too long': [(backup) => appendFile(join(backup, 'data.mdb'), '\0'), /is not what was backed up/],
    'in which one bit is another': [
      async (backup) => {
        const store = await readFile(join(backup, 'data.mdb'))
        store.writeUInt8(store.readUInt8(store.length - 1) ^ 1, store.length - 1)
        await writeFile(join(backup, 'data.mdb'), store)
      },
      /is not what was backed up/,
    ],
  }
  for (const [what, [damage, reason]] of Object.entries(damages)) {
    test(`of a backup ${what} leaves all as it was`, async () => {
      const backup = await backupOf(await dataWith('one'))
      await damage(backup)
      const parent = await temporaryFolder()
      await expectRefusal(restore(join(parent, 'data'), backup), reason)
      expect(await readdir(parent)).toEqual([])
      const dataDir = await dataWith('two')
      await expectRefusal(restore(dataDir, backup, '--replace'), reason)
      expect((await readdir(join(dataDir, 'log'))).toSorted()).toEqual(['data.mdb', 'lock.mdb'])
      expect(await saidIn(dataDir)).toEqual(['two'])
    })
  }

  test('where nothing may be written says so', async () => {
    const backup = await backupOf(await dataWith('one'))
    const parent = await temporaryFolder()
    await chmod(parent, 0o555)
    await chmod(join(backup, '..'), 0o755)
    await chmod(backup, 0o755)
    await chmod(join(backup, 'SHA256SUMS'), 0o644)
    await asNobody(() => expectRefusal(restore(join(parent, 'data'), backup), /was not restored to .+EACCES/))
    expect(await readdir(parent)).toEqual([])
  })

  test('that the disk has no room for leaves all as it was', async () => {
    const disk = await smallDisk(2 * MIB)
    // Only root may make one.
    if (disk === undefined) return
    const backup = await backupOf(await dataWith('x'.repeat(2 * MIB)))
    const dataDir = join(disk, 'data')
    await expectRefusal(restore(dataDir, backup), /was not restored to .+ENOSPC/)
    expect(await readdir(disk)).toEqual([])
    await say(dataDir, 'two')
    await expectRefusal(restore(dataDir, backup, '--replace'), /ENOSPC/)
    expect(await saidIn(dataDir)).toEqual(['two'])
  })

  test('goes on where one was killed', async () => {
    const backup = await backupOf(await dataWith('one'))
    const dataDir = await temporaryFolder()
    await mkdir(join(dataDir, 'log', 'partial'), { recursive: true })
    await writeFile(join(dataDir, 'log', 'partial', 'data.mdb'), 'half of it')
    expect(await restore(dataDir, backup)).toMatchObject({ exitCode: 0 })
    expect(await readdir(join(dataDir, 'log'))).toEqual(['data.mdb'])
  })
})
