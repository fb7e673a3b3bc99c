/** The files of `deploy/`, compose.yaml and the Dockerfile against the settings and limits that they rely on. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { settingsList } from '../../src/config/settings-schema.js'
import { temporaryFolder } from '../auth/key-files.js'

const ROOT = new URL('../../', import.meta.url)
const textOf = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')
const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1])
const { transport } = loadSettings({})

const UNIT = 'deploy/systemd/nestwire.service'
const MANIFEST = 'deploy/kubernetes/nestwire.yaml'
const SYSCTL = 'deploy/sysctl/60-nestwire.conf'

describe.each(['Dockerfile', 'compose.yaml', UNIT, MANIFEST, SYSCTL])('%s', (path) => {
  test('names only settings that there are', () => {
    const known = new Set<string>(settingsList.map(({ setting }) => setting.env))
    const named = textOf(path).match(/NESTWIRE_[A-Z_]*[A-Z]/g) ?? []
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})

test.each([
  ['compose.yaml', /stop_grace_period: (\d+)s/],
  [UNIT, /^TimeoutStopSec=(\d+)$/m],
  [MANIFEST, /terminationGracePeriodSeconds: (\d+)/],
])('%s gives a drain and its cleaning up their time', (path, pattern) => {
  // `serve` ends the process 2 s after the drain deadline, whatever is left to do.
  expect(numberIn(textOf(path), pattern) * 1_000).toBeGreaterThan(transport.drainTimeoutMs + 2_000)
})

test.each([
  ['compose.yaml', /nofile: (\d+)/],
  [UNIT, /^LimitNOFILE=(\d+)$/m],
])('%s allows a descriptor for each connection, and a thousand more', (path, pattern) => {
  expect(numberIn(textOf(path), pattern)).toBeGreaterThan(transport.maxConnections + 1_000)
})

test.each([
  [SYSCTL, /^net\.core\.somaxconn = (\d+)$/m],
  ['compose.yaml', /net\.core\.somaxconn: (\d+)/],
])('%s lets the server have its whole backlog', (path, pattern) => {
  const backlog = numberIn(textOf('src/transport/nestwire-server.ts'), /LISTEN_BACKLOG = (\d+)/)
  expect(numberIn(textOf(path), pattern)).toBe(backlog)
})

test('no probe restarts a node that waits for NATS', () => {
  const paths = textOf(MANIFEST).match(/(?<=Probe:\n.+path: )[^,]+/g)
  expect(paths).toEqual(['/health/ready', '/health/live', '/health/live'])
})

test('Kubernetes sets no variables that the server would take for settings', () => {
  const byService = { NESTWIRE_SERVICE_HOST: '10.0.0.1', NESTWIRE_PORT: 'tcp://10.0.0.1:7420' }
  expect(() => loadSettings(byService)).toThrow('NESTWIRE_SERVICE_HOST')
  expect(textOf(MANIFEST)).toContain('enableServiceLinks: false')
})

describe('Dockerfile', () => {
  interface Stage {
    readonly from: string
    readonly user?: string
    readonly command?: readonly string[]
    readonly stopSignal?: string
    readonly expose: readonly number[]
    readonly volumes: readonly string[]
    readonly env: Readonly<Record<string, string>>
  }
  /** What the script that runs the steps reads, having found every file that is copied. */
  const plan = (): readonly Stage[] => {
    const { stdout, stderr } = spawnSync(process.execPath, ['scripts/check-dockerfile.mjs', '--plan'], { cwd: ROOT })
    expect(stderr.toString()).toBe('')
    return JSON.parse(stdout.toString()) as readonly Stage[]
  }

  test('starts node itself, not as root, and stops it by SIGTERM', () => {
    const stages = plan()
    expect(stages.at(-1)).toMatchObject({
      user: 'node',
      command: ['node', 'dist/main.js'],
      stopSignal: 'SIGTERM',
      expose: [7420, 7421],
    })
  })

  test('builds and runs on the Node that .nvmrc names, by tags', () => {
    const major = textOf('.nvmrc').trim()
    for (const { from } of plan()) expect(from).toMatch(new RegExp(`^node:${major}(?:\\.\\d+)*-[a-z-]+$`))
  })

  test('keeps its data in the volume', () => {
    const image = plan().at(-1)
    expect(image?.volumes).toEqual([image?.env['NESTWIRE_DATA_DIR']])
  })
})

test('systemd finds no fault in the unit', async () => {
  // Only where there is one.
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return
  const unit = join(await temporaryFolder(), 'nestwire.service')
  // Where node is on this machine; the rest as it stands.
  await writeFile(unit, textOf(UNIT).replace('/usr/bin/node', process.execPath))
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit])
  expect([status, stderr.toString()]).toEqual([0, ''])
})
