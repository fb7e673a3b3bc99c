/** `npm run cluster:demo` as a person uses it: what it prints is run, word for word. Needs `npm run build`. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isNatsMissing } from '../support/nats-server.js'

const pathOf = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const DEMO = pathOf('scripts/cluster-demo.mjs')
const CLI = pathOf('dist/cli/main.js')
const TIMEOUT_MS = 60_000

interface Node {
  readonly name: string
  readonly cluster: string
  readonly pid: number
}

interface Demo {
  readonly child: ChildProcess
  readonly output: string[]
  readonly folder: string
  readonly nodes: readonly Node[]
  /** Of all that it started. */
  readonly pids: readonly number[]
  /** What follows `npx nestwire`. */
  readonly commands: readonly string[]
  readonly exitCode: Promise<unknown>
}

function run(program: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(process.execPath, program, { env: { PATH: process.env['PATH'], ...env } })
  // Not SIGKILL, after which nobody would end what it has started.
  onTestFinished(() => void child.kill('SIGTERM'))
  return child
}

/** The lines of its output, as they come. */
function linesOf({ stdout }: ChildProcess): string[] {
  const lines: string[] = []
  if (stdout !== null) createInterface({ input: stdout }).on('line', (line) => void lines.push(line))
  return lines
}

async function startDemo(): Promise<Demo> {
  const child = run([DEMO], { NESTWIRE_PORT: '0' })
  const exitCode = once(child, 'exit').then(([code]) => code as unknown)
  const output = linesOf(child)
  await expect.poll(() => output.join('\n'), { timeout: 40_000 }).toContain('Ctrl-C ends all of it')
  const nodes = output.flatMap((line) => {
    const [, name, cluster, pid] = /^ {2}(node-\d) .*(http:\S+) {2}pid (\d+)$/.exec(line) ?? []
    return name === undefined || cluster === undefined ? [] : [{ name, cluster, pid: Number(pid) }]
  })
  const all = output.join('\n')
  const pids = [...all.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid))
  const folder = /NESTWIRE_DATA_DIR=(\S+)/.exec(all)?.[1] ?? ''
  return {
    child,
    output,
    folder,
    nodes,
    pids,
    commands: [...all.matchAll(/npx nestwire (.+)/g)].map(([, rest]) => rest ?? ''),
    exitCode,
  }
}

const nestwire = ({ folder }: Demo, command = ''): ChildProcess =>
  run([CLI, ...command.split(' ')], { NESTWIRE_DATA_DIR: folder })

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function connectionsOf({ nodes: [node] }: Demo): Promise<unknown> {
  const view = (await (await fetch(node?.cluster ?? '')).json()) as { nodes: { name: string; connections: number }[] }
  return view.nodes.map(({ name, connections }) => [name, connections])
}

/** The two users of the commands, when they are in the room. */
async function enter(demo: Demo) {
  const users = [nestwire(demo, demo.commands[0]), nestwire(demo, demo.commands[1])] as const
  const heard = [linesOf(users[0]), linesOf(users[1])] as const
  for (const lines of heard) await expect.poll(() => lines.join('\n')).toContain('/help tells more')
  return { users, heard }
}

describe.skipIf(isNatsMissing)('the demo of a cluster', () => {
  test('lets two people on two nodes talk, and leaves nothing behind', { timeout: TIMEOUT_MS }, async () => {
    const demo = await startDemo()
    const { users, heard } = await enter(demo)
    users[0].stdin?.write('hello from the first\n')
    await expect.poll(() => heard[1].join('\n')).toContain('hello from the first')
    users[1].stdin?.write('hello from the second\n')
    await expect.poll(() => heard[0].join('\n')).toContain('hello from the second')
    await expect
      .poll(() => connectionsOf(demo))
      .toEqual([
        ['node-1', 1],
        ['node-2', 1],
        ['node-3', 0],
      ])

    const asking = nestwire(demo, demo.commands[2])
    const answer = asking.stdout === null ? '' : await text(asking.stdout)
    expect(JSON.parse(answer)).toMatchObject({ node: 'node-1', address: expect.any(String) })

    demo.child.kill('SIGTERM')
    expect(await demo.exitCode).toBe(0)
    expect(demo.pids.map(isRunning)).toEqual([false, false, false, false])
    expect(existsSync(demo.folder)).toBe(false)
  })

  test('says which node has died, and its user goes on elsewhere', { timeout: TIMEOUT_MS }, async () => {
    const demo = await startDemo()
    const { users, heard } = await enter(demo)
    const pid = demo.nodes[1]?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => demo.output.at(-1)).toBe(`node-2 (pid ${pid}) has ended: SIGKILL`)
    users[0].stdin?.write('are you there?\n')
    await expect.poll(() => heard[1].join('\n'), { timeout: 20_000 }).toContain('are you there?')
    demo.child.kill('SIGINT')
    expect(await demo.exitCode).toBe(0)
    expect(demo.pids.map(isRunning)).toEqual([false, false, false, false])
  })
})

test('the demo of a cluster says what to do without nats-server', async () => {
  const child = run([DEMO], { PATH: '/nowhere' })
  const told = child.stderr === null ? '' : await text(child.stderr)
  expect(told).toBe('cluster-demo: nats-server is missing; to get it: npm run setup\n')
})
