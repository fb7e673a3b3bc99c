/**
 * Which way the arrows point. The table says what each part of `src` may import; whoever adds a part adds a line, and
 * whoever needs another arrow has a decision to explain.
 */
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { nodesOf, readSources, type SourceFile } from './support/source-files.js'

interface Part {
  /** Files below `src`, or parts of this table. A part may always import itself. */
  readonly files: readonly string[]
  /** npm packages and `node:` modules. */
  readonly packages: readonly string[]
}

const PURE = ['clock.ts', 'unreachable.ts']
const WHO = ['transport/authentication.ts', 'transport/connection-handle.ts']
const NEST = ['@nestjs/common', '@nestjs/microservices']
const BY_DATE = ['trusted-time.ts']
const CLOCK_IN_NEST = ['clock.ts', 'clock.module.ts']

/** A path that ends in a slash stands for the files of that folder that have no line of their own. */
const PARTS: Readonly<Record<string, Part>> = {
  'clock.ts': { files: [], packages: [] },
  'trusted-time.ts': { files: ['clock.ts'], packages: [] },
  'unreachable.ts': { files: [], packages: [] },
  'token-bucket.ts': { files: [], packages: [] },
  'protocol/': { files: [], packages: ['node:buffer'] },
  'client/': { files: ['protocol/', ...PURE], packages: ['node:crypto', 'node:net'] },
  'config/': { files: ['protocol/'], packages: ['@nestjs/common', '@nestjs/config', 'zod'] },
  'cluster/': { files: [], packages: [] },
  'clock.module.ts': { files: ['clock.ts'], packages: ['@nestjs/common'] },
  'log/': {
    files: ['protocol/', 'config/', 'log/lmdb/', 'log/log-fault.ts', ...BY_DATE, ...CLOCK_IN_NEST],
    packages: ['@nestjs/common', 'node:crypto', 'node:path'],
  },
  'log/lmdb/': {
    files: ['protocol/', 'config/', 'log/', 'log/log-fault.ts', 'clock.ts', ...BY_DATE],
    packages: ['@nestjs/common', 'lmdb', 'node:crypto', 'node:fs', 'node:net', 'node:path', 'node:timers'],
  },
  'log/jetstream/': {
    files: ['protocol/', 'config/', 'log/', 'log/log-fault.ts', 'clock.ts', ...BY_DATE],
    packages: [
      '@nats-io/jetstream',
      '@nats-io/transport-node',
      '@nestjs/common',
      'node:crypto',
      'node:fs',
      'node:timers',
    ],
  },
  // Whoever asks is answered with its code.
  'log/log-fault.ts': { files: ['protocol/', 'transport/nestwire.exception.ts'], packages: [] },
  // The server side knows nothing of the client; only what calls other servers stands on it.
  'transport/': {
    files: ['protocol/', 'transport/kernel-queue.ts', ...PURE],
    packages: [...NEST, 'rxjs', 'zod', 'node:crypto', 'node:net'],
  },
  // The kernel's own table.
  'transport/kernel-queue.ts': { files: [], packages: ['node:fs', 'node:net'] },
  'transport/nestwire-client.ts': {
    files: ['protocol/', 'client/', 'transport/', 'transport/room-follower.ts', ...PURE],
    packages: [...NEST, 'rxjs', 'node:net'],
  },
  'transport/room-follower.ts': { files: ['client/'], packages: ['rxjs'] },
  'delivery/': {
    files: [
      'protocol/',
      'config/',
      'log/',
      'transport/connection-handle.ts',
      'transport/nestwire.exception.ts',
      'transport/outbox.ts',
      ...CLOCK_IN_NEST,
    ],
    packages: ['@nestjs/common'],
  },
  'sessions/': {
    files: ['protocol/', 'config/', 'log/', ...WHO, ...BY_DATE, ...CLOCK_IN_NEST],
    packages: ['@nestjs/common', 'node:crypto'],
  },
  'auth/': {
    files: ['protocol/', 'config/', 'transport/', 'sessions/', 'token-bucket.ts', ...CLOCK_IN_NEST],
    packages: [...NEST, '@nestjs/core', 'jose', 'zod', 'node:crypto', 'node:fs', 'node:path'],
  },
  // Tokens are made at the command line, too.
  'auth/token-issuer.ts': { files: ['transport/authentication.ts'], packages: ['jose'] },
  'rooms/': {
    files: [
      'protocol/',
      'config/',
      'log/',
      'log/log-fault.ts',
      'transport/',
      'delivery/',
      'sessions/',
      ...CLOCK_IN_NEST,
      ...PURE,
    ],
    packages: [...NEST, 'zod', 'node:crypto', 'node:timers'],
  },
  'chat/': {
    files: ['protocol/', 'config/', 'log/', 'transport/', 'delivery/', 'rooms/', 'token-bucket.ts', ...CLOCK_IN_NEST],
    packages: [...NEST, 'zod'],
  },
  'resume/': { files: ['protocol/', 'transport/', 'sessions/', 'auth/', 'rooms/'], packages: NEST },
  'health/': { files: ['log/', 'transport/nestwire-server.ts'], packages: ['@nestjs/common', '@nestjs/terminus'] },
  'server.module.ts': {
    files: ['config/', 'transport/', 'delivery/', 'sessions/', 'auth/', 'rooms/', 'chat/', 'resume/', ...CLOCK_IN_NEST],
    packages: ['@nestjs/common'],
  },
  'app.module.ts': {
    files: ['config/', 'auth/', 'rooms/', 'chat/', 'health/', 'server.module.ts', ...CLOCK_IN_NEST],
    packages: ['@nestjs/common'],
  },
  'start-app.ts': {
    files: ['app.module.ts', 'clock.ts', 'config/', 'transport/nestwire-server.ts'],
    packages: [...NEST, '@nestjs/core', 'reflect-metadata', 'node:net', 'node:tty'],
  },
  'banner.ts': { files: ['protocol/constants.ts'], packages: ['node:net'] },
  'serve.ts': { files: ['banner.ts', 'config/', 'start-app.ts'], packages: ['@nestjs/common'] },
  'main.ts': { files: ['serve.ts'], packages: [] },
  'cli/': {
    files: [
      'protocol/',
      'client/',
      'config/',
      'auth/token-issuer.ts',
      'cli/commands/serve.command.ts',
      'cli/commands/store.command.ts',
      'unreachable.ts',
    ],
    packages: ['node:fs', 'node:path', 'node:readline', 'node:stream', 'node:util'],
  },
  'cli/commands/serve.command.ts': { files: ['cli/', 'serve.ts'], packages: [] },
  'cli/commands/store.command.ts': { files: ['cli/', 'log/lmdb/'], packages: ['node:path'] },
  'index.ts': { files: ['clock.ts', 'client/', 'transport/', 'transport/nestwire-client.ts'], packages: [] },
}

const MAX_LINES = 400
const MAX_MEDIAN_LINES = 120
const BARRELS = ['client/index.ts', 'index.ts', 'protocol/index.ts']

const sources = readSources()

const isWithin = (path: string, place: string): boolean =>
  place.endsWith('/') ? path.startsWith(place) : path === place

/** The most exact place of the table that the file is in. */
const placeOf = (path: string): string | undefined =>
  Object.keys(PARTS)
    .filter((place) => isWithin(path, place))
    .toSorted((a, b) => b.length - a.length)[0]

function arrowsAgainstTheTable({ path, files }: SourceFile): readonly string[] {
  const place = placeOf(path) ?? path
  const allowed = [place, ...(PARTS[place]?.files ?? [])]
  return files
    .filter((file) => !allowed.some((other) => other === file || other === placeOf(file)))
    .map((file) => `${path} → ${file}`)
}

function packagesAgainstTheTable({ path, packages }: SourceFile): readonly string[] {
  const allowed = PARTS[placeOf(path) ?? '']?.packages ?? []
  return packages.filter((name) => !allowed.includes(name)).map((name) => `${path} → ${name}`)
}

/** A folder, or a file that is in none. */
const unitOf = (path: string): string => path.split('/')[0] ?? path

/** One way round in a circle of units, or nothing. */
function circle(): readonly string[] {
  const arrows = new Map<string, Set<string>>()
  for (const { path, files } of sources) {
    const targets = arrows.get(unitOf(path)) ?? new Set()
    for (const file of files) if (unitOf(file) !== unitOf(path)) targets.add(unitOf(file))
    arrows.set(unitOf(path), targets)
  }
  const done = new Set<string>()
  const search = (unit: string, way: readonly string[]): readonly string[] => {
    if (way.includes(unit)) return [...way.slice(way.indexOf(unit)), unit]
    if (done.has(unit)) return []
    for (const target of arrows.get(unit) ?? []) {
      const found = search(target, [...way, unit])
      if (found.length > 0) return found
    }
    done.add(unit)
    return []
  }
  for (const unit of arrows.keys()) {
    const found = search(unit, [])
    if (found.length > 0) return found
  }
  return []
}

const filesWith = (isFound: (node: ts.Node) => boolean): readonly string[] =>
  sources.filter(({ tree }) => nodesOf(tree).some(isFound)).map(({ path }) => path)

const isDefaultExport = (node: ts.Node): boolean =>
  ts.isExportAssignment(node) ||
  (ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) === true) ||
  (ts.isExportSpecifier(node) && node.name.text === 'default')

describe('arrows', () => {
  test('every file belongs to a part', () => {
    expect(sources.filter(({ path }) => placeOf(path) === undefined).map(({ path }) => path)).toEqual([])
  })

  test('every part has a file', () => {
    const places = new Set(sources.map(({ path }) => placeOf(path)))
    expect(Object.keys(PARTS).filter((place) => !places.has(place))).toEqual([])
  })

  test('files import only what their part may', () => {
    expect(sources.flatMap(arrowsAgainstTheTable)).toEqual([])
  })

  test('packages are imported only by the parts that may', () => {
    expect(sources.flatMap(packagesAgainstTheTable)).toEqual([])
  })

  test('no way leads from a part back to it', () => {
    expect(circle()).toEqual([])
  })

  test('nobody imports the main file or a barrel', () => {
    const imported = new Set(sources.flatMap(({ files }) => files))
    expect(['main.ts', 'cli/main.ts', ...BARRELS].filter((path) => imported.has(path))).toEqual([])
  })
})

describe('files', () => {
  test('none has more than 400 lines', () => {
    expect(sources.filter(({ lines }) => lines > MAX_LINES).map(({ path }) => path)).toEqual([])
  })

  test('half of them have at most 120 lines', () => {
    const lines = sources.map((source) => source.lines).toSorted((a, b) => a - b)
    expect(lines[Math.floor(lines.length / 2)]).toBeLessThanOrEqual(MAX_MEDIAN_LINES)
  })

  test('barrels are those of the three entries, with their names listed by hand', () => {
    expect(sources.map(({ path }) => path).filter((path) => path.endsWith('index.ts'))).toEqual(BARRELS)
    expect(filesWith((node) => ts.isExportDeclaration(node) && node.exportClause === undefined)).toEqual([])
  })

  test('none has a default export', () => {
    expect(filesWith(isDefaultExport)).toEqual([])
  })

  test('none has an enum', () => {
    expect(filesWith(ts.isEnumDeclaration)).toEqual([])
  })
})
