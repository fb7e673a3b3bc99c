/** `test/fixtures/hash-ring.json`, made by another language, is what every process makes of the same nodes. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { HashRing } from '../../src/cluster/hash-ring.js'
import { stableHash } from '../../src/cluster/stable-hash.js'
import { compileSources } from '../support/compiled-sources.js'
import { nodeId } from '../support/ring-shares.js'

interface Golden {
  readonly hashes: Readonly<Record<string, number>>
  readonly rings: readonly {
    readonly nodes: readonly string[]
    readonly virtualNodes: number
    /** The first three at most. */
    readonly owners: Readonly<Record<string, readonly string[]>>
  }[]
}

const GOLDEN = fileURLToPath(new URL('../fixtures/hash-ring.json', import.meta.url))
const MAKER = fileURLToPath(new URL('../fixtures/hash-ring.py', import.meta.url))
const golden: Golden = JSON.parse(readFileSync(GOLDEN, 'utf8'))

const PROGRAM = `
import { readFileSync } from 'node:fs'
import { HashRing } from './cluster/hash-ring.js'
const { rings } = JSON.parse(readFileSync(process.env.GOLDEN, 'utf8'))
const ownersIn = ({ nodes, virtualNodes, owners }) => {
  const ring = HashRing.of(nodes.toReversed(), virtualNodes)
  return Object.fromEntries(Object.keys(owners).map((key) => [key, ring.ownersOf(key, 3)]))
}
console.log(JSON.stringify(rings.map(ownersIn)))
`

test('every hash is the golden one', () => {
  for (const [text, hash] of Object.entries(golden.hashes)) expect([text, stableHash(text)]).toEqual([text, hash])
})

test.each(golden.rings)('$virtualNodes virtual nodes make the golden ring', ({ nodes, virtualNodes, owners }) => {
  const ring = HashRing.of(nodes.map(nodeId), virtualNodes)
  for (const [key, named] of Object.entries(owners)) expect([key, ...ring.ownersOf(key, 3)]).toEqual([key, ...named])
})

test('a process of another language and time zone makes the same', async () => {
  const sources = await compileSources()
  try {
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
      cwd: sources.folder,
      env: { GOLDEN, LC_ALL: 'tr_TR.UTF-8', TZ: 'Asia/Kathmandu' },
      encoding: 'utf8',
    })
    expect(JSON.parse(said)).toEqual(golden.rings.map(({ owners }) => owners))
  } finally {
    await sources.remove()
  }
})

const python = spawnSync('python3', ['--version']).status === 0
const why = python ? '' : ' (skipped: no python3; get it with: npm run setup)'

test.skipIf(!python)(`the golden file is what its maker makes${why}`, () => {
  const made = execFileSync('python3', ['-B', MAKER], { encoding: 'utf8', env: { ...process.env, PYTHONUTF8: '1' } })
  expect(made).toBe(readFileSync(GOLDEN, 'utf8'))
})
