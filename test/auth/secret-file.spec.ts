import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readOrCreateSecret } from '../../src/auth/secret-file.js'
import { StartUpError } from '../../src/config/start-up-error.js'
import { temporaryFile, temporaryFolder } from './key-files.js'

const readOrCreateAuthSecret = (dataDir: string): string => readOrCreateSecret(dataDir, 'auth-secret')

test('the first start makes 32 random bytes with mode 0600', async () => {
  const dataDir = join(await temporaryFolder(), 'not', 'there', 'yet')
  const secret = readOrCreateAuthSecret(dataDir)
  const path = join(dataDir, 'auth-secret')
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
  expect(await readFile(path, 'utf8')).toBe(secret)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('the next start reads the same secret', async () => {
  const dataDir = await temporaryFolder()
  expect(readOrCreateAuthSecret(dataDir)).toBe(readOrCreateAuthSecret(dataDir))
})

test('two folders have different secrets', async () => {
  expect(readOrCreateAuthSecret(await temporaryFolder())).not.toBe(readOrCreateAuthSecret(await temporaryFolder()))
})

test('tickets have a secret of their own', async () => {
  const dataDir = await temporaryFolder()
  const secret = readOrCreateSecret(dataDir, 'ticket-secret')
  expect(secret).not.toBe(readOrCreateAuthSecret(dataDir))
  expect(await readFile(join(dataDir, 'ticket-secret'), 'utf8')).toBe(secret)
})

test.each([0o640, 0o604, 0o660])('a file of mode %o is refused', async (mode) => {
  const dataDir = await temporaryFolder()
  readOrCreateAuthSecret(dataDir)
  await chmod(join(dataDir, 'auth-secret'), mode)
  expect(() => readOrCreateAuthSecret(dataDir)).toThrow(/may be read by others/)
})

test('a file of 31 characters is refused, of 32 read', async () => {
  const dataDir = await temporaryFolder()
  const path = join(dataDir, 'auth-secret')
  await writeFile(path, `${'x'.repeat(31)}\n`, { mode: 0o600 })
  expect(() => readOrCreateAuthSecret(dataDir)).toThrow(/fewer than 32 characters/)
  await writeFile(path, `${'x'.repeat(32)}\n`)
  expect(readOrCreateAuthSecret(dataDir)).toBe('x'.repeat(32))
})

test('a data folder that is a file is refused in one line', async () => {
  const path = await temporaryFile('not a folder')
  expect(() => readOrCreateAuthSecret(path)).toThrow(StartUpError)
  expect(() => readOrCreateAuthSecret(path)).toThrow(
    /^the data folder cannot be used \(NESTWIRE_DATA_DIR\): EEXIST[^\n]*$/,
  )
})
