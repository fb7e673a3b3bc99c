#!/usr/bin/env node
// Runs the steps of the Dockerfile without an engine, each stage in a clean folder, and the server that comes out of it, with the
// Node of this machine: npm run check:image. It knows the instructions that the file has and fails at any other.
//
//   node scripts/check-dockerfile.mjs --plan   runs nothing; prints what the file says, as JSON, once every source is there

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join, normalize } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const CONTEXT = fileURLToPath(new URL('..', import.meta.url))
/** Of the user `node` in the images of node. */
const NODE_ID = 1000
const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000

/** Instructions with their words as they stand, comments and line ends undone. */
function readInstructions() {
  const lines = readFileSync(join(CONTEXT, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => /^(?<name>[A-Z]+) (?<rest>.+)$/.exec(line)?.groups ?? fail(`no instruction: ${line}`))
}

/** The stages: what each begins with, its steps in order, and what its image says of itself. */
function readStages() {
  const stages = []
  for (const { name, rest } of readInstructions()) {
    if (name === 'FROM') {
      const [, from, as] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? fail(`FROM ${rest}`)
      stages.push({ from, as, env: {}, steps: [], expose: [], volumes: [] })
      continue
    }
    const stage = stages.at(-1) ?? fail(`${name} before FROM`)
    if (name === 'ENV') for (const [, key, value] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value
    else if (name === 'WORKDIR' || name === 'RUN') stage.steps.push({ name, text: rest })
    else if (name === 'COPY') stage.steps.push({ name, ...copyOf(rest) })
    else if (name === 'USER') stage.user = rest
    else if (name === 'VOLUME') stage.volumes.push(rest)
    else if (name === 'EXPOSE') stage.expose.push(...rest.split(' ').map(Number))
    else if (name === 'STOPSIGNAL') stage.stopSignal = rest
    else if (name === 'HEALTHCHECK') stage.healthCheck = JSON.parse(/ CMD (\[.+\])$/.exec(rest)?.[1] ?? fail(rest))
    else if (name === 'CMD') stage.command = JSON.parse(rest)
    else fail(`this script does not know ${name}`)
  }
  return stages
}

function copyOf(rest) {
  const words = rest.split(' ')
  const options = Object.fromEntries(
    words.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('=')),
  )
  const paths = words.filter((word) => !word.startsWith('--'))
  return { ...options, sources: paths.slice(0, -1), target: paths.at(-1) }
}

/** A context's source must be there, and .dockerignore must let it in. */
function checkSources(stages) {
  const [everything, ...allowed] = readFileSync(join(CONTEXT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (everything !== '*') fail('.dockerignore must begin with *')
  for (const { steps } of stages) {
    for (const source of steps.flatMap((step) =>
      step.name === 'COPY' && step.from === undefined ? step.sources : [],
    )) {
      if (!existsSync(join(CONTEXT, source))) fail(`COPY ${source}: there is no such file`)
      if (!allowed.includes(`!${source}`)) fail(`COPY ${source}: .dockerignore leaves it out`)
    }
  }
}

/** `path` of the image, which is below `root` here. */
const within = (root, workdir, path) => join(root, path.startsWith('/') ? path : join(workdir, path))

function copy({ sources, target, from, chown }, { root, workdir, roots }) {
  const place = within(root, workdir, target)
  for (const source of sources) {
    const origin =
      from === undefined ? join(CONTEXT, source) : join(roots.get(from) ?? fail(`no stage ${from}`), source)
    // As with docker: a file goes into a folder, the content of a folder becomes that of the target.
    const isFile = spawnSync('test', ['-f', origin]).status === 0
    cpSync(origin, isFile && target.endsWith('/') ? join(place, basename(source)) : place, { recursive: true })
  }
  if (chown !== undefined && process.getuid() === 0) chownSync(place, NODE_ID, NODE_ID)
}

function build(stages, folder) {
  const roots = new Map()
  let workdir = '/'
  for (const [number, stage] of stages.entries()) {
    const root = join(folder, String(number))
    mkdirSync(root)
    roots.set(stage.as ?? String(number), root)
    workdir = '/'
    for (const step of stage.steps) {
      console.log(`${stage.as ?? 'image'}: ${step.name} ${step.text ?? `${step.sources.join(' ')} → ${step.target}`}`)
      if (step.name === 'WORKDIR') mkdirSync(within(root, '/', (workdir = normalize(step.text))), { recursive: true })
      else if (step.name === 'COPY') copy(step, { root, workdir, roots })
      else run(step.text, within(root, '/', workdir))
    }
  }
  return { root: [...roots.values()].at(-1), workdir }
}

function run(text, cwd) {
  const { status } = spawnSync('/bin/sh', ['-c', text], { cwd, stdio: 'inherit', env: bareEnvironment() })
  if (status !== 0) fail(`RUN ${text} ended with ${status}`)
}

/** Nothing of this machine but where programs are and where npm fetches from. */
function bareEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => /^(?:PATH|HOME|npm_config_\w+|\w+_proxy)$/i.test(name))
  return Object.fromEntries(kept)
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Starts what the image starts, asks it as its HEALTHCHECK does, stops it as an engine does. */
async function tryImage({ env, command, healthCheck, stopSignal }, { root, workdir }) {
  const own = Object.entries(env).map(([key, value]) => [key, value.startsWith('/') ? join(root, value) : value])
  const httpPort = await freePort()
  const ports = { NESTWIRE_PORT: '0', NESTWIRE_HTTP_PORT: String(httpPort) }
  const environment = { ...Object.fromEntries(own), ...ports, PATH: process.env.PATH }
  const identity = process.getuid() === 0 ? { uid: NODE_ID, gid: NODE_ID } : {}
  const options = { cwd: within(root, '/', workdir), env: environment, ...identity }
  const [program, ...args] = command
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = once(child, 'exit')
  try {
    const healthy = () => spawnSync(healthCheck[0], healthCheck.slice(1), options).status === 0
    if (healthy()) fail('the health check is content before the server runs')
    await until('the health check', healthy)
    const ready = await fetch(`http://127.0.0.1:${httpPort}/health/ready`)
    if (ready.status !== 200) fail(`readiness is ${ready.status}`)
    child.kill(stopSignal)
    const [code, signal] = await Promise.race([ended, pause(STOP_TIMEOUT_MS).then(() => ['no end', undefined])])
    if (code !== 0) fail(`after ${stopSignal} it ended with ${code ?? signal}`)
  } finally {
    child.kill('SIGKILL')
  }
}

async function until(what, isSo) {
  const sinceMs = performance.now()
  while (!isSo()) {
    if (performance.now() - sinceMs > START_TIMEOUT_MS) fail(`${what} fails for ${START_TIMEOUT_MS} ms`)
    await pause(200)
  }
}

function fail(reason) {
  throw new Error(reason)
}

const stages = readStages()
checkSources(stages)
const image = stages.at(-1)
if (process.argv.includes('--plan')) {
  console.log(JSON.stringify(stages, undefined, 2))
} else {
  const folder = mkdtempSync(join(tmpdir(), 'nestwire-image-'))
  try {
    // The user of the image must get through to it.
    chmodSync(folder, 0o755)
    const built = build(stages, folder)
    await tryImage(image, built)
    console.log(`the image's steps run, and its server starts, is healthy and ends with 0 (Node ${process.version})`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
