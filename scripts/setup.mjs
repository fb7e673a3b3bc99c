#!/usr/bin/env node
// Installs the system packages that tests need. Needs nothing but Node itself.
//
//   npm run setup                           installs what is missing; fails if it cannot
//   node scripts/setup.mjs --when-allowed   before the tests: installs as root or in CI, else says what is skipped

import { spawnSync } from 'node:child_process'

/** `command` exits with 0 if the package is there; `neededBy` are the tests that are skipped without it. */
const PACKAGES = [
  { name: 'python3', command: ['python3', '--version'], neededBy: 'test/examples/python-client.spec.ts' },
  { name: 'openssl', command: ['openssl', 'version'], neededBy: 'test/log/jetstream/nats-tls.spec.ts' },
  { name: 'nats-server', command: ['nats-server', '--version'], neededBy: 'test/log/jetstream' },
]

const whenAllowed = process.argv.includes('--when-allowed')
const isRoot = process.getuid?.() === 0
const mayInstall = !whenAllowed || isRoot || process.env.CI === 'true'

const succeeds = ([program, ...args], options) => spawnSync(program, args, options).status === 0

/** Runs apt-get; what it says goes to standard error, so that standard output stays one line per package. */
function apt(...args) {
  const command = isRoot ? ['apt-get', ...args] : ['sudo', '--non-interactive', 'apt-get', ...args]
  return succeeds(command, {
    stdio: ['ignore', process.stderr.fd, process.stderr.fd],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}

/** Only the first package that is missing refreshes the lists of packages. */
let listsAreFresh = false
function install({ name, command }) {
  if (!succeeds(['apt-get', '--version'], { stdio: 'ignore' })) return false
  listsAreFresh ||= apt('update', '--quiet')
  apt('install', '--yes', '--quiet', '--no-install-recommends', name)
  return succeeds(command, { stdio: 'ignore' })
}

let missing = 0
for (const wanted of PACKAGES) {
  const { name, command, neededBy } = wanted
  if (succeeds(command, { stdio: 'ignore' })) {
    if (!whenAllowed) console.log(`${name}: present`)
  } else if (!mayInstall) {
    console.log(`${name}: missing, so ${neededBy} is skipped; to get it: npm run setup`)
  } else if (install(wanted)) {
    console.log(`${name}: installed`)
  } else {
    missing += 1
    console.log(
      `${name}: missing, so ${neededBy} is skipped; install it by hand, as with: sudo apt-get install ${name}`,
    )
  }
}
// Before the tests a missing package is no failure: the tests that need it are skipped and say so.
process.exitCode = missing > 0 && !whenAllowed ? 1 : 0
