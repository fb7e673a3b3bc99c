/**
 * Which code was measured, beside which versions: what a figure of an old document can be traced back to. The kernel is
 * the machine's (`machine.ts`).
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Seen from where this is compiled to: `bench/.build/bench`. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** What the figures depend on; saving one result must not make the next one look as if it were of other code. */
const MEASURED = ['src', 'bench', 'test', 'package-lock.json', ':!bench/results']
const NPM_RIVALS = ['ws', 'socket.io', '@socket.io/redis-adapter', 'ioredis', 'aedes'] as const

export interface Provenance {
  /** Short; `+changes` if files differ from it. */
  readonly commit: string
  /** Of Node, and of the rivals that are installed. */
  readonly versions: Readonly<Record<string, string>>
}

export function describeProvenance(): Provenance {
  return { commit: describeCommit(), versions: { node: process.version, ...rivalVersions() } }
}

export function describeCommit(): string {
  const commit = output('git', ['rev-parse', '--short=12', 'HEAD'])
  if (commit === '') return 'unknown'
  return output('git', ['status', '--porcelain', '-uno', '--', ...MEASURED]) === '' ? commit : `${commit}+changes`
}

function rivalVersions(): Record<string, string> {
  const versions: Record<string, string> = {}
  // `nats-server: v2.9.10`, `Redis server v=7.0.15 sha=…`
  for (const name of ['nats-server', 'redis-server']) {
    const version = /\bv=?(\d[\w.-]*)/.exec(output(name, ['--version']))?.[1]
    if (version !== undefined) versions[name] = version
  }
  for (const name of NPM_RIVALS) {
    const path = `${ROOT}bench/rivals/node_modules/${name}/package.json`
    if (existsSync(path)) versions[name] = versionIn(path)
  }
  return versions
}

function versionIn(path: string): string {
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }
  return version
}

/** Empty if there is no such program, or it fails. */
function output(program: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : ''
}
