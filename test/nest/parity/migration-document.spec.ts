import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { differences } from './differences.js'

const text = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const migration = text('../../../docs/nest/migration-from-tcp.md')
const specs = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.spec.ts'))

/** The cells of the table, without its head. */
const rows = migration
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

test('the migration guide lists every difference, and no other', () => {
  expect(rows).toEqual(
    Object.values(differences).map(({ behaviour, tcp, nestwire, why }) => [behaviour, tcp, nestwire, why]),
  )
})

test('every difference is proven on both transports', () => {
  const proven = specs.flatMap((name) => Array.from(text(name).matchAll(/^ *differs\('(\w+)'/gm), ([, key]) => key))
  expect(new Set(proven)).toEqual(new Set(Object.keys(differences)))
})
