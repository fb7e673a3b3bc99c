import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { settingsList } from '../../src/config/settings-schema.js'

const documentText = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

describe('.env.example', () => {
  test('tells every setting with effect, unit and default, and no other', async () => {
    const example = await documentText('.env.example')
    const entries = example.matchAll(/^# .+\n#NESTWIRE_\w+=.*$/gm)
    const expected = settingsList.map(({ setting: { env, effect, unit, default: value } }) => {
      return `# ${effect}${unit === undefined ? '' : ` Unit: ${unit}.`}\n#${env}=${String(value ?? '')}`
    })
    expect(Array.from(entries, ([entry]) => entry)).toEqual(expected)
    expect(example.match(/^#?\w+=/gm)).toHaveLength(settingsList.length)
  })

  test('changes nothing with every line switched on', async () => {
    const example = (await documentText('.env.example')).replaceAll(/^#(?=NESTWIRE_)/gm, '')
    expect(loadSettings(parseEnv(example))).toEqual(loadSettings({}))
  })
})

describe('docs/LIMITS.md', () => {
  test('has a full row for every limit, with unit and default', async () => {
    const rows = (await documentText('docs/LIMITS.md'))
      .split('\n')
      .filter((line) => line.startsWith('| `NESTWIRE_'))
      .map((line) => line.split('|').map((cell) => cell.trim()))
    const limits = settingsList.map(({ setting }) => setting).filter(({ unit }) => unit !== undefined)
    expect(rows.map((cells) => cells.slice(1, 4))).toEqual(
      limits.map(({ env, unit, default: value }) => [`\`${env}\``, unit, String(value)]),
    )
    expect(rows.filter((cells) => cells.slice(4, -1).length !== 4 || cells.slice(4, -1).includes(''))).toEqual([])
  })

  test('names no setting that does not exist', async () => {
    const known = new Set<string>(settingsList.map(({ setting }) => setting.env))
    const named = (await documentText('docs/LIMITS.md')).match(/NESTWIRE_[A-Z_]+/g) ?? []
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  test('names source and test files that exist', async () => {
    const paths = (await documentText('docs/LIMITS.md')).match(/(?<=`)(?:src|test)\/[^`]+/g) ?? []
    const missing = paths.filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url)))
    expect(paths.length).toBeGreaterThan(0)
    expect(missing).toEqual([])
  })
})

describe('docs/OPERATIONS.md', () => {
  test('lists what needs a restart, and nothing else', async () => {
    const [, section = ''] = (await documentText('docs/OPERATIONS.md')).split('\n### What needs a restart\n')
    const [table = ''] = section.split('\n### ')
    // Of each row the first cell; the second one says why, and may name others.
    const listed = Array.from(table.matchAll(/^\| (`[^|]+) \|/gm), ([, cell = '']) => cell.match(/NESTWIRE_\w+/g) ?? [])
    const needing = settingsList.filter(({ setting }) => !setting.live).map(({ setting }) => setting.env)
    expect(listed.flat().toSorted()).toEqual(needing.toSorted())
  })

  test('names no setting that does not exist', async () => {
    const known = new Set<string>(settingsList.map(({ setting }) => setting.env))
    // One that ends in an underscore stands for several, one behind a dollar is a variable of NATS.
    const named = (await documentText('docs/OPERATIONS.md')).match(/(?<!\$)NESTWIRE_[A-Z_]*[A-Z]\b/g) ?? []
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})
