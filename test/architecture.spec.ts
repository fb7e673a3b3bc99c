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
const CONTRACTS = ['rooms/rooms.contract.ts', 'chat/chat.contract.ts']
const COUNTED = ['fixed-histogram.ts']
const BY_DATE = ['trusted-time.ts']
const CLOCK_IN_NEST = ['clock.ts', 'clock.module.ts']

/** A path that ends in a slash stands for the files of that folder that have no line of their own. */
const PARTS: Readonly<Record<string, Part>> = {
  'clock.ts': { files: [], packages: [] },
  'trusted-time.ts': { files: ['clock.ts'], packages: [] },
  'unreachable.ts': { files: [], packages: [] },
  'token-bucket.ts': { files: [], packages: [] },
  'turnstile.ts': { files: [], packages: [] },
  'fixed-histogram.ts': { files: [], packages: [] },
  'line-budget.ts': { files: [], packages: [] },
  'package-version.ts': { files: [], packages: ['node:fs'] },
  'output/': {
    files: ['config/', 'line-budget.ts', 'clock.ts'],
    packages: ['@nestjs/common', 'node:tty', 'node:util'],
  },
  'protocol/': { files: [], packages: ['node:buffer'] },
  'client/': { files: ['protocol/', ...COUNTED, ...PURE], packages: ['node:crypto', 'node:net', 'node:tls'] },
  'config/': {
    files: ['protocol/', ...CLOCK_IN_NEST],
    packages: [
      '@nestjs/common',
      '@nestjs/config',
      'zod',
      'node:crypto',
      'node:fs',
      'node:net',
      'node:path',
      'node:util',
    ],
  },
  // What nodes tell each other on core NATS.
  'cluster/room-signals.ts': { files: ['protocol/', 'cluster/'], packages: [] },
  'cluster/nats-signals.ts': {
    files: ['protocol/', 'log/jetstream/', 'cluster/', 'cluster/room-signals.ts'],
    packages: ['node:crypto'],
  },
  'cluster/': {
    files: [
      ...COUNTED,
      'protocol/',
      'config/',
      'log/',
      'log/log-fault.ts',
      'transport/',
      'cluster/hash-ring.ts',
      'cluster/node-directory.ts',
      ...CLOCK_IN_NEST,
    ],
    packages: [...NEST, 'zod', 'node:crypto', 'node:os'],
  },
  // Pure, and so is what they stand on.
  'cluster/hash-ring.ts': { files: ['cluster/'], packages: [] },
  'cluster/node-directory.ts': { files: ['cluster/', 'cluster/hash-ring.ts'], packages: [] },
  'clock.module.ts': { files: ['clock.ts'], packages: ['@nestjs/common'] },
  'log/': {
    files: [
      'protocol/',
      'config/',
      'log/jetstream/',
      'log/lmdb/',
      'log/log-fault.ts',
      ...COUNTED,
      ...BY_DATE,
      ...CLOCK_IN_NEST,
    ],
    packages: ['@nestjs/common', 'node:crypto', 'node:os', 'node:path', 'node:timers'],
  },
  'log/lmdb/': {
    files: ['protocol/', 'config/', 'log/', 'log/log-fault.ts', 'clock.ts', ...BY_DATE],
    packages: ['@nestjs/common', 'lmdb', 'node:crypto', 'node:fs', 'node:net', 'node:path', 'node:timers'],
  },
  'log/jetstream/': {
    files: ['protocol/', 'config/', 'log/', 'log/log-fault.ts', 'turnstile.ts', 'clock.ts', ...BY_DATE],
    packages: [
      '@nats-io/jetstream',
      '@nats-io/transport-node',
      '@nestjs/common',
      'node:crypto',
      'node:fs',
      'node:net',
      'node:timers',
      'node:tls',
    ],
  },
  // Whoever asks is answered with its code.
  'log/log-fault.ts': { files: ['protocol/', 'transport/nestwire.exception.ts'], packages: [] },
  // The server side knows nothing of the client; only what calls other servers stands on it.
  'transport/': {
    files: ['protocol/', 'transport/kernel-queue.ts', 'line-budget.ts', ...COUNTED, ...PURE],
    packages: [...NEST, 'rxjs', 'zod', 'node:crypto', 'node:net', 'node:tls'],
  },
  // The kernel's own table.
  'transport/kernel-queue.ts': { files: [], packages: ['node:fs', 'node:net'] },
  'transport/nestwire-client.ts': {
    files: ['protocol/', 'client/', 'transport/', 'transport/caller-error.ts', 'transport/room-follower.ts', ...PURE],
    packages: [...NEST, 'rxjs', 'node:net'],
  },
  'transport/caller-error.ts': { files: ['protocol/', 'client/', 'transport/'], packages: [] },
  // Over HTTP it is Nest's own.
  'transport/nestwire-exception.filter.ts': {
    files: ['protocol/', 'transport/'],
    packages: [...NEST, '@nestjs/core', 'rxjs', 'zod'],
  },
  'transport/room-follower.ts': { files: ['client/'], packages: ['rxjs'] },
  // What strangers and users may take.
  'abuse/': {
    files: [
      'protocol/',
      'config/',
      'transport/connection-gate.ts',
      'transport/nestwire.exception.ts',
      'abuse/address-key.ts',
      'abuse/ledger.ts',
      'abuse/keyed-rate.ts',
      'abuse/backoff-book.ts',
      ...WHO,
      ...CLOCK_IN_NEST,
    ],
    packages: ['@nestjs/common', 'node:net'],
  },
  // Pure, and so is what they stand on.
  'abuse/address-key.ts': { files: [], packages: [] },
  'abuse/ledger.ts': { files: [], packages: [] },
  'abuse/keyed-rate.ts': { files: ['abuse/ledger.ts'], packages: [] },
  'abuse/backoff-book.ts': { files: ['abuse/ledger.ts'], packages: [] },
  'delivery/': {
    files: [
      ...COUNTED,
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
    files: [
      'protocol/',
      'config/',
      'abuse/',
      'cluster/',
      'transport/',
      'sessions/',
      'token-bucket.ts',
      'turnstile.ts',
      ...COUNTED,
      ...CLOCK_IN_NEST,
    ],
    packages: [...NEST, '@nestjs/core', 'jose', 'zod', 'node:crypto', 'node:fs', 'node:path'],
  },
  // Tokens are made at the command line, too.
  'auth/token-issuer.ts': { files: ['transport/authentication.ts'], packages: ['jose'] },
  // What is asked and answered: for the server, and for whoever calls it.
  'rooms/rooms.contract.ts': { files: ['protocol/'], packages: ['zod'] },
  'chat/chat.contract.ts': { files: ['protocol/', 'rooms/rooms.contract.ts'], packages: ['zod'] },
  'tls/': {
    files: ['config/'],
    packages: ['@nestjs/common', 'node:crypto', 'node:fs', 'node:http', 'node:https', 'node:tls'],
  },
  'rooms/': {
    files: [
      'rooms/rooms.contract.ts',
      'abuse/',
      'abuse/keyed-rate.ts',
      'protocol/',
      'config/',
      'log/',
      'log/log-fault.ts',
      'transport/',
      'delivery/',
      'sessions/',
      'cluster/',
      'cluster/room-signals.ts',
      'cluster/nats-signals.ts',
      'token-bucket.ts',
      ...CLOCK_IN_NEST,
      ...PURE,
    ],
    packages: [...NEST, 'zod', 'node:crypto', 'node:timers'],
  },
  'chat/': {
    files: [
      'chat/chat.contract.ts',
      'protocol/',
      'config/',
      'abuse/',
      'abuse/ledger.ts',
      'log/',
      'transport/',
      'delivery/',
      'rooms/',
      'rooms/rooms.contract.ts',
      'token-bucket.ts',
      ...CLOCK_IN_NEST,
    ],
    packages: NEST,
  },
  // For services that call the chat server: the client, the contracts, nothing of the server.
  'chat-library/': {
    files: ['protocol/', 'client/', ...CONTRACTS, 'transport/nestwire-client.ts', 'clock.ts'],
    packages: ['@nestjs/common', 'rxjs', 'zod'],
  },
  'resume/': {
    files: ['protocol/', 'abuse/', 'cluster/', 'transport/', 'sessions/', 'auth/', 'rooms/'],
    packages: NEST,
  },
  // Reads what all others count; none of them knows it.
  'metrics/': {
    files: [
      'package-version.ts',
      'protocol/',
      'abuse/',
      'config/',
      'log/',
      'transport/',
      'delivery/',
      'sessions/',
      'cluster/',
      'cluster/node-directory.ts',
      'auth/',
      'rooms/',
      'resume/',
      ...COUNTED,
      ...CLOCK_IN_NEST,
    ],
    packages: ['@nestjs/common', 'prom-client', 'node:fs', 'node:os', 'node:perf_hooks', 'node:v8'],
  },
  'health/': { files: ['log/', 'transport/nestwire-server.ts'], packages: ['@nestjs/common', '@nestjs/terminus'] },
  'admin/': {
    files: [
      'protocol/',
      'config/',
      'abuse/',
      'transport/',
      'delivery/',
      'sessions/',
      'auth/',
      'rooms/',
      ...CLOCK_IN_NEST,
    ],
    packages: ['@nestjs/common', 'node:http', 'node:timers'],
  },
  'server.module.ts': {
    files: [
      'abuse/',
      'config/',
      'cluster/',
      'transport/',
      'delivery/',
      'sessions/',
      'auth/',
      'rooms/',
      'chat/',
      'resume/',
      'tls/',
      ...CLOCK_IN_NEST,
    ],
    packages: ['@nestjs/common', 'node:net'],
  },
  'nestwire.module.ts': {
    files: [
      'config/',
      'auth/',
      'cluster/',
      'rooms/',
      'chat/',
      'health/',
      'metrics/',
      'admin/',
      'server.module.ts',
      ...CLOCK_IN_NEST,
    ],
    packages: ['@nestjs/common', '@nestjs/core'],
  },
  'app.module.ts': { files: ['config/', 'nestwire.module.ts', 'clock.ts'], packages: ['@nestjs/common'] },
  'start-app.ts': {
    files: ['app.module.ts', 'clock.ts', 'config/', 'output/', 'tls/', 'transport/nestwire-server.ts'],
    packages: [...NEST, '@nestjs/core', 'reflect-metadata', 'node:net'],
  },
  'banner.ts': { files: ['protocol/constants.ts'], packages: ['node:net'] },
  'serve.ts': {
    files: ['banner.ts', 'config/', 'output/', 'package-version.ts', 'start-app.ts'],
    packages: ['@nestjs/common', 'node:v8'],
  },
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
  'index.ts': {
    files: [
      ...COUNTED,
      'auth/',
      'chat-library/',
      'clock.ts',
      'protocol/',
      'client/',
      ...CONTRACTS,
      'transport/',
      'transport/nestwire-client.ts',
      'transport/nestwire-exception.filter.ts',
    ],
    packages: [],
  },
  // What embeds the server is an entry of its own: nobody else loads the server.
  'embedded.ts': {
    files: ['cluster/', 'config/', 'nestwire.module.ts', 'rooms/'],
    packages: [],
  },
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
