/** The server as a process: banner, signals, exit code. What `npm start` and `nestwire serve` run. */
import { setFlagsFromString } from 'node:v8'
import { Logger } from '@nestjs/common'
import { bannerLines } from './banner.js'
import { settingsDigest } from './config/settings-diff.js'
import { StartUpError } from './config/start-up-error.js'
import { writesJson } from './output/server-logger.js'
import { packageVersion } from './package-version.js'
import { startApp, type RunningApp } from './start-app.js'

/** Of what is still to do when the connections are gone: HTTP, the last commit, the lock. */
const CLEAN_UP_MS = 2_000
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * V8 lets a heap grow far beyond what lives in it before it collects the old generation: after 50,000 joins three nodes held
 * 908 and 957 MB in two runs, with this 714 MB (docs/decisions/0011-what-a-cluster-costs.md).
 */
const HEAP_GROWING_PERCENT = 25

/**
 * Resolves once the server listens; ends the process with code 1 if it cannot. SIGTERM and SIGINT drain it and exit with
 * 0; a second one ends the process at once, with 128 and the signal's number. SIGHUP reads the settings again.
 */
export async function serve(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  surviveReaders()
  try {
    const serveReloads = reloadOnSignal()
    const running = await startApp()
    drainOnSignal(running)
    announce(running)
    serveReloads(running)
  } catch (error) {
    for (const line of explanation(error)) process.stderr.write(`nestwire: ${line}\n`)
    process.exit(1)
  }
}

/** Who reads the output may end, as a collector of logs that starts anew: those lines are lost, and the server goes on. */
function surviveReaders(): void {
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined)
}

/** From the first moment on, since SIGHUP ends a process that does not listen to it. Returns how to begin. */
function reloadOnSignal(): (running: RunningApp) => void {
  let running: RunningApp | undefined
  let isAsked = false
  process.on('SIGHUP', () => {
    isAsked = true
    void running?.reload.run('signal')
  })
  return (started) => {
    running = started
    if (isAsked) void started.reload.run('signal')
  }
}

function drainOnSignal({ close, settings }: RunningApp): void {
  let isDraining = false
  const drain = async (): Promise<never> => {
    // A disk that never answers must not keep the process longer than whoever stops it will wait.
    setTimeout(
      () => fail('not everything could be closed in time'),
      settings.current.transport.drainTimeoutMs + CLEAN_UP_MS,
    )
    try {
      await close()
      process.exit(0)
    } catch (error) {
      fail(explanation(error).join('\n'))
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (isDraining) process.exit(exitCodes[signal])
      isDraining = true
      void drain()
    })
  }
}

function fail(reason: string): never {
  process.stderr.write(`nestwire: ${reason}\n`)
  process.exit(1)
}

/** A person gets the banner, a collector of JSON lines one line. */
function announce({ address, httpAddress, settings }: RunningApp): void {
  const { auth, tls } = settings.current
  const [listening = '', ...howToChat] = bannerLines({
    address,
    httpAddress,
    hasOwnSecret: auth.publicKeyFile === undefined,
    tls: { isOn: tls.certFile !== undefined, isHttpOn: tls.http },
  })
  const facts = { version: packageVersion(), node: process.version, digest: settingsDigest(settings.current) }
  if (writesJson(settings.current)) new Logger('Nestwire').log(listening, facts)
  else process.stdout.write(`${[listening, ...howToChat].join('\n')}\n`)
}

/** The stack only of what is not the operator's to mend. */
function explanation(error: unknown): string[] {
  if (error instanceof StartUpError) return error.message.split('\n')
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)]
}
