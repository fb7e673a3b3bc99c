/** The server as a process: banner, signals, exit code. What `npm start` and `nestwire serve` run. */
import { Logger } from '@nestjs/common'
import { bannerLines } from './banner.js'
import { StartUpError } from './config/start-up-error.js'
import { startApp, type RunningApp } from './start-app.js'

/** Resolves once the server listens; ends the process with code 1 if it cannot. SIGTERM and SIGINT drain it, then exit with 0. */
export async function serve(): Promise<void> {
  try {
    const running = await startApp()
    running.app.enableShutdownHooks([], { useProcessExit: true })
    announce(running)
  } catch (error) {
    for (const line of explanation(error)) process.stderr.write(`nestwire: ${line}\n`)
    process.exit(1)
  }
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
