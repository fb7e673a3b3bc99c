#!/usr/bin/env node
// Three nodes on one NATS server, on this machine, to look at: npm run cluster:demo
// Ctrl-C ends what was started here and removes all of it. NESTWIRE_PORT is the port of the first node, 0 for free ones.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { issueToken } from '../dist/auth/token-issuer.js'
import { connect } from '../dist/client/index.js'

const NODES = ['node-1', 'node-2', 'node-3']
const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy', 'mallory', 'trent']
const FIRST_PORT = Number(process.env.NESTWIRE_PORT ?? 7420)
const PORTS_APART = 10
const LOOPBACK = '127.0.0.1'
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const DRAIN_TIMEOUT_MS = 3_000
const START_TIMEOUT_MS = 20_000
const ADDRESSES = /nestwire:\/\/(\S+:\d+), health on (http:\/\/[^/]+)/

const folder = mkdtempSync(join(tmpdir(), 'nestwire-demo-'))
const secret = randomBytes(32).toString('base64url')
const settings = {
  NESTWIRE_DATA_DIR: folder,
  NESTWIRE_AUTH_SECRET: secret,
  NESTWIRE_TICKET_SECRET: randomBytes(32).toString('base64url'),
  NESTWIRE_DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS),
  NESTWIRE_LOG_LEVEL: 'warn',
  NESTWIRE_LOG_JSON: 'false',
}
/** All that runs, by its name. */
const children = new Map()
let isEnding = false

/** In a process group of its own, so that Ctrl-C reaches this process alone, which ends the others in order. */
function start(name, program, args, env) {
  const child = spawn(program, args, { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  children.set(name, child)
  child.once('error', () => undefined)
  child.once('exit', (code, signal) => {
    children.delete(name)
    if (!isEnding) console.log(`${name} (pid ${child.pid}) has ended: ${signal ?? `exit code ${code}`}`)
  })
  return child
}

async function startNats() {
  const args = ['-a', LOOPBACK, '-p', '-1', '-js', '-sd', join(folder, 'nats'), '--ports_file_dir', folder]
  const child = start('nats-server', 'nats-server', args, process.env)
  for (const output of [child.stdout, child.stderr]) output.resume()
  await once(child, 'spawn').catch((cause) => {
    throw new Error('nats-server is missing; to get it: npm run setup', { cause })
  })
  // The program writes down which port it took.
  const ports = join(folder, `nats-server_${child.pid}.ports`)
  for (let waitedMs = 0; waitedMs < START_TIMEOUT_MS; waitedMs += 50) {
    try {
      return { url: JSON.parse(readFileSync(ports, 'utf8')).nats[0], pid: child.pid }
    } catch {
      await pause(50)
    }
  }
  throw new Error('nats-server does not start')
}

/** Resolves with where it listens. Of what a node says only warnings are passed on. */
async function startNode(name, url, port) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('NESTWIRE_')))
  const own = {
    NESTWIRE_CLUSTER_URL: url,
    NESTWIRE_NODE_NAME: name,
    NESTWIRE_PORT: String(port),
    NESTWIRE_HTTP_PORT: String(port === 0 ? 0 : port + 1),
  }
  const child = start(name, process.execPath, [MAIN], { ...env, ...settings, ...own })
  const tell = (line) => console.log(`${name} | ${line}`)
  createInterface({ input: child.stderr }).on('line', tell)
  const lines = createInterface({ input: child.stdout })
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`${name} does not start`)))
    lines.on('line', (line) => {
      const [, address, http] = ADDRESSES.exec(line) ?? []
      if (address !== undefined) resolve({ name, address, http, pid: child.pid })
      if (line.startsWith('[Nestwire]')) tell(line)
    })
  })
}

async function isFree(port) {
  const server = createServer().listen(port, LOOPBACK)
  const isOurs = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  server.close()
  return isOurs
}

/** 0, any free one, where the port or the one behind it is taken. */
async function portOf(index) {
  const port = FIRST_PORT + index * PORTS_APART
  return FIRST_PORT !== 0 && (await isFree(port)) && (await isFree(port + 1)) ? port : 0
}

/** For each node a user who belongs to it, by asking the cluster. */
async function usersOf(nodes) {
  const token = await issueToken({ user: 'demo', role: 'service', ttlSeconds: 60 }, secret)
  const client = await connect({ servers: nodes.map(({ address }) => address), token })
  const users = new Map()
  for (const user of NAMES) {
    const { node } = await client.request('cluster.route', { user })
    if (!users.has(node)) users.set(node, user)
  }
  await client.close()
  return nodes.map(({ name }) => users.get(name) ?? NAMES[0])
}

function banner(nats, nodes, [one, other]) {
  const [first, second] = nodes
  const atAny = `--url nestwire://${nodes.map(({ address }) => address).join(',')}`
  return [
    '',
    `Three nodes, on NATS at ${nats.url}, pid ${nats.pid}:`,
    ...nodes.map(({ name, address, http, pid }) => `  ${name}  nestwire://${address}  ${http}/cluster  pid ${pid}`),
    '',
    `Talk: whichever node they come to, ${one} is sent to ${first.name}, ${other} to ${second.name}. In two more terminals`,
    `  export NESTWIRE_DATA_DIR=${folder}     # the secret for tokens is there`,
    `  npx nestwire chat --user ${one} --room lobby ${atAny}`,
    `  npx nestwire chat --user ${other} --room lobby ${atAny}`,
    '',
    'Look',
    `  npx nestwire route ${one} ${atAny}`,
    `  curl -s ${first.http}/cluster`,
    `  curl -s ${first.http}/health/ready`,
    '',
    'Try',
    `  kill -9 ${second.pid}     # ${other} goes on at another node, and misses nothing`,
    `  kill ${first.pid}        # ${one} is told where to go first`,
    `  kill -STOP ${nats.pid}  # who sends now is told to try again; with -CONT it goes on`,
    '',
    'Ctrl-C ends all of it and removes the folder.',
  ].join('\n')
}

/** Nodes first, which have things to say to NATS. What does not end in time is killed with this process. */
async function end(exitCode) {
  if (isEnding) process.exit(exitCode)
  isEnding = true
  const nats = children.get('nats-server')
  const stop = async (child) => {
    const ended = once(child, 'exit')
    if (child.kill('SIGTERM')) await ended
  }
  setTimeout(() => process.exit(exitCode), 2 * DRAIN_TIMEOUT_MS).unref()
  await Promise.all([...children.values()].filter((child) => child !== nats).map(stop))
  if (nats?.pid !== undefined) await stop(nats)
  process.exit(exitCode)
}

process.on('exit', () => {
  for (const child of children.values()) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end(0))

try {
  writeFileSync(join(folder, 'auth-secret'), secret, { mode: 0o600 })
  const nats = await startNats()
  const nodes = []
  for (const [index, name] of NODES.entries()) nodes.push(await startNode(name, nats.url, await portOf(index)))
  console.log(banner(nats, nodes, await usersOf(nodes)))
} catch (error) {
  if (!isEnding) {
    console.error(`cluster-demo: ${error.message}`)
    await end(1)
  }
}
