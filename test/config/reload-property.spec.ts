/** A dry run changes nothing and says what the reload then does, whatever the file says. */
import { writeFile } from 'node:fs/promises'
import { Logger } from '@nestjs/common'
import * as fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { ConfigFile } from '../../src/config/config-file.js'
import { ConfigReload } from '../../src/config/config-reload.js'
import { loadSettings, type Environment } from '../../src/config/load-settings.js'
import { settingsDigest } from '../../src/config/settings-diff.js'
import { Settings } from '../../src/config/settings.js'
import { temporaryFile } from '../auth/key-files.js'
import { linesOf } from './config-file-app.js'

/** Most are good alone, some not, and some not with others. */
const lines = fc.constantFrom<readonly [name: string, text: string]>(
  ['NESTWIRE_MAX_ROOMS', '7'],
  ['NESTWIRE_MAX_ROOMS', '8'],
  ['NESTWIRE_MAX_ROOMS', 'many'],
  ['NESTWIRE_MAX_FRAME_BYTES', '32768'],
  ['NESTWIRE_MAX_FRAME_BYTES', '131072'],
  ['NESTWIRE_MAX_FRAME_BYTES', '1048576'],
  ['NESTWIRE_MAX_MESSAGE_BYTES', '65536'],
  ['NESTWIRE_MAX_MESSAGE_BYTES', '1000'],
  ['NESTWIRE_IDLE_TIMEOUT_MS', '20000'],
  ['NESTWIRE_PING_INTERVAL_MS', '10000'],
  ['NESTWIRE_ROOMS_OPEN', 'false'],
  ['NESTWIRE_RESUME', 'false'],
  ['NESTWIRE_RESUME', 'perhaps'],
  ['NESTWIRE_PORT', '1'],
  ['NESTWIRE_PORT', '65536'],
  ['NESTWIRE_AUTH_SECRET', 'x'.repeat(32)],
  ['NESTWIRE_AUTH_SECRET', ''],
  ['NESTWIRE_AUTH_SECRET', 'short'],
  ['NESTWIRE_CLUSTER_USER', 'alone'],
  ['NESTWIRE_CONFIG_FILE', '/etc/other.env'],
  ['NESTWIRE_TYPO', '1'],
  ['PATH', '/bin'],
)
const file = fc.array(lines, { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs))
const files = fc.array(file, { minLength: 1, maxLength: 5 })
const environments = fc.dictionary(
  fc.constantFrom('NESTWIRE_MAX_ROOMS', 'NESTWIRE_RESUME'),
  fc.constantFrom('', 'true', '7'),
)

test('a dry run equals what is then applied', async () => {
  const path = await temporaryFile('# nothing\n')
  Logger.overrideLogger(false)
  onTestFinished(() => Logger.overrideLogger(['fatal']))
  const outcomes = new Set<boolean>()
  await fc.assert(
    fc.asyncProperty(files, environments, async (contents, over) => {
      await writeFile(path, '# nothing\n')
      const environment: Environment = Object.fromEntries(
        Object.entries({ ...over, NESTWIRE_CONFIG_FILE: path }).filter(([name, text]) => isPlausible(name, text)),
      )
      const settings = new Settings(loadSettings(environment))
      const place = ConfigFile.of(environment, { isDefaultWanted: false })
      const places = { sources: { environment, file: {} }, file: place, fileSignature: '' }
      const reload = new ConfigReload(settings, places, () => 0)
      for (const content of contents) {
        await writeFile(path, linesOf(content))
        const before = settings.current
        const announced = await reload.dryRun('admin')
        expect([settings.current === before, reload.last?.isDryRun]).toEqual([true, reload.last && false])
        const done = await reload.run('admin')
        expect(done).toEqual({ ...announced, isDryRun: false })
        expect(settings.current !== before).toBe(done.isOk)
        outcomes.add(done.isOk)
        expect(settingsDigest(settings.current)).toBe(done.digest)
      }
    }),
    { numRuns: 200 },
  )
  expect(outcomes.size).toBe(2)
})

/** The environment of a server that started. */
const isPlausible = (name: string, text: string): boolean =>
  name === 'NESTWIRE_CONFIG_FILE' || text === '' || (name === 'NESTWIRE_RESUME') === (text === 'true')
