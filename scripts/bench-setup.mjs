#!/usr/bin/env node
// Installs and compiles the servers that the benches measure beside Nestwire: npm run bench:setup
// One line for each says what is there; what cannot be had is left out, and its rows in the tables stay empty.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(`../bench/${path}`, import.meta.url))
const BUILD = at('.build/rivals')
const CRATES = ['librust-tokio-dev', 'librust-tokio-util-dev', 'librust-bytes-dev', 'librust-futures-util-dev']

const isRoot = process.getuid?.() === 0
const exists = (program) => spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0

/** What it says goes to standard error, so that standard output stays one line per rival. */
function run(program, args, options = {}) {
  return spawnSync(program, args, { stdio: ['ignore', process.stderr.fd, process.stderr.fd], ...options }).status === 0
}

let listsAreFresh = false
function apt(...packages) {
  if (!isRoot || !exists('apt-get')) return false
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  listsAreFresh ||= run('apt-get', ['update', '--quiet'], { env })
  return run('apt-get', ['install', '--yes', '--quiet', '--no-install-recommends', ...packages], { env })
}

/** A Debian package whose program has its name. */
function findOrInstall(name) {
  return exists(name) || (apt(name) && exists(name)) ? undefined : `no ${name}; as root: apt-get install ${name}`
}

/** Each gives `undefined` when all is there, or what is missing. */
const rivals = {
  'c-floor': () => {
    if (!exists('cc')) return 'no C compiler (cc)'
    return run('cc', ['-O2', '-o', `${BUILD}/floor`, at('rivals/floor.c')]) ? undefined : 'floor.c does not compile'
  },
  'tokio, tokio-1-thread': () => {
    if (!exists('cargo')) return 'no cargo'
    const hasCrates = () => existsSync('/usr/share/cargo/registry')
    if (!hasCrates() && !(apt(...CRATES) && hasCrates()))
      return `no crates; as root: apt-get install ${CRATES.join(' ')}`
    const target = `${BUILD}/tokio-target`
    const cargo = ['build', '--release', '--offline', '--target-dir', target]
    if (!run('cargo', cargo, { cwd: at('rivals/tokio') })) return 'the crate does not build with what is installed'
    copyFileSync(`${target}/release/tokio-chat`, `${BUILD}/tokio-chat`)
    return undefined
  },
  'nats, nest-nats': () => findOrInstall('nats-server'),
  redis: () => findOrInstall('redis-server'),
  'ws, socket.io, aedes, nest-grpc': () =>
    run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: at('rivals') }) ? undefined : 'npm ci in bench/rivals fails',
}

mkdirSync(BUILD, { recursive: true })
console.log('node-net, naive, nest-tcp: present')
for (const [names, prepare] of Object.entries(rivals)) {
  const missing = prepare()
  console.log(missing === undefined ? `${names}: present` : `${names}: missing, ${missing}`)
}
