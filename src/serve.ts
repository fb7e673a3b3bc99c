/** The server as a process: banner, signals, exit code. What `npm start` and `nestwire serve` run. */
import { Logger } from '@nestjs/common'
import { bannerLines } from './banner.js'
import { StartUpError } from './config/start-up-error.js'
import { startApp, type RunningApp } from './start-app.js'

/** Of what is still to do when the connections are gone: HTTP, the last commit, the lock. */
const CLEAN_UP_MS = 2_000
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Resolves once the server listens; ends the process with code 1 if it cannot. SIGTERM and SIGINT drain it and exit with
 * 0; a second one ends the process at once, with 128 and the signal's number.
 */
export async function serve(): Promise<void> {
  try {
    const running = await startApp()
    drainOnSignal(running)
    announce(running)
  } catch (error) {
    for (const line of explanation(error)) process.stderr.write(`nestwire: ${line}\n`)
    process.exit(1)
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
  const { auth, output } = settings.current
  const [listening = '', ...howToChat] = bannerLines({
    address,
    httpAddress,
    hasOwnSecret: auth.publicKeyFile === undefined,
  })
  if (output.logJson) new Logger('Nestwire').log(listening)
  else process.stdout.write(`${[listening, ...howToChat].join('\n')}\n`)
}

/** The stack only of what is not the operator's to mend. */
function explanation(error: unknown): string[] {
  if (error instanceof StartUpError) return error.message.split('\n')
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)]
}
