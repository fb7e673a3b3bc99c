/** `docs/ARCHITECTURE.md` against the sources that it names. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = new URL('../', import.meta.url)
const page = readFileSync(new URL('docs/ARCHITECTURE.md', ROOT), 'utf8')
const sources = readdirSync(new URL('src/', ROOT), { recursive: true, encoding: 'utf8' })

test('names each folder', () => {
  const folders = readdirSync(new URL('src/', ROOT), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(folders.map(({ name }) => `\`${name}/\``).filter((name) => !page.includes(name))).toEqual([])
})

test('names only files that there are', () => {
  const files = new Set(sources.map((path) => basename(path)))
  const named = Array.from(page.matchAll(/`([\w./-]+\.ts)`/g), ([, path = '']) => path)
  const missing = named.filter((path) =>
    path.includes('/') ? !['src/', ''].some((folder) => existsSync(new URL(folder + path, ROOT))) : !files.has(path),
  )
  expect(named.length).toBeGreaterThan(50)
  expect(missing).toEqual([])
})
