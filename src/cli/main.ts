#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ExitCode } from './exit-codes.js'
import { run } from './run.js'

/** The file that the server reads too; it never becomes part of the environment of the process. */
function envFile(): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch {
    return {}
  }
}

const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())
const { stdin, stdout, stderr } = process
const env = { ...envFile(), ...process.env }
const exitCode = await run(process.argv.slice(2), { stdin, stdout, stderr, env, interrupted: interrupt.signal })
// Whatever was going on ends with the process; else it ends by itself once all is written, or serves on.
if (exitCode === ExitCode.Interrupted) process.exit(exitCode)
process.exitCode = exitCode
