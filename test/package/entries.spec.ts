/** What each entry of the package makes its user load. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readSources } from '../support/source-files.js'

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string } | string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Manifest
const sources = new Map(readSources().map((source) => [source.path, source]))

/** The packages behind a file, for its types too, by way of every file of ours that it imports. */
function packagesBehind(entry: string): readonly string[] {
  const seen = new Set<string>()
  const packages = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    const source = sources.get(path)
    if (source === undefined) throw new Error(`there is no ${path}`)
    for (const name of source.packages) packages.add(name)
    source.files.forEach(visit)
  }
  visit(entry)
  return [...packages].filter((name) => !name.startsWith('node:')).toSorted()
}

test('each entry has a file and its types', () => {
  const entries = Object.entries(manifest.exports).filter(([name]) => name !== './package.json')
  expect(entries.map(([name]) => name)).toEqual(['.', './server', './client', './protocol'])
  for (const [, entry] of entries) {
    const file = typeof entry === 'string' ? entry : entry.default
    expect(sources.has(file.replace('./dist/', '').replace(/js$/, 'ts'))).toBe(true)
    expect(typeof entry === 'string' ? '' : entry.types).toBe(file.replace(/js$/, 'd.ts'))
  }
})

describe('what is loaded', () => {
  test.each(['client/index.ts', 'protocol/index.ts'])('%s needs Node alone', (entry) => {
    expect(packagesBehind(entry)).toEqual([])
  })

  test('the library needs its peers alone: no database, no NATS, no HTTP server', () => {
    const peers = Object.keys(manifest.peerDependencies)
    expect(packagesBehind('index.ts').filter((name) => !peers.includes(name))).toEqual([])
  })
})
