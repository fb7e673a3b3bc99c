/** The command line as a function: arguments and streams in, exit code out. Errors are one line, never a stack. */
import { readFile } from 'node:fs/promises'
import { writeLine, type CliIo } from './cli-io.js'
import { parseArguments, type Command } from './command.js'
import { callCommand } from './commands/call.command.js'
import { chatCommand } from './commands/chat.command.js'
import { routeCommand } from './commands/route.command.js'
import { sendCommand } from './commands/send.command.js'
import { serveCommand } from './commands/serve.command.js'
import { storeCommand } from './commands/store.command.js'
import { tailCommand } from './commands/tail.command.js'
import { tokenCommand } from './commands/token.command.js'
import { ExitCode, exitCodeOf } from './exit-codes.js'
import { commandHelp, overview } from './help.js'
import { printable } from './printable.js'
import { UsageError } from './usage-error.js'

const commands: readonly Command[] = [
  serveCommand,
  tokenCommand,
  chatCommand,
  sendCommand,
  tailCommand,
  callCommand,
  routeCommand,
  storeCommand,
]

export async function run(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  const stopped = stopSignal(io)
  try {
    return await Promise.race([dispatch(argv, io, stopped.signal), stopped.code])
  } catch (error) {
    if (stopped.signal.aborted) return stopped.code
    const [line = ''] = printable(error instanceof Error ? error.message : String(error)).split('\n')
    writeLine(io.stderr, `nestwire: ${line}`)
    return exitCodeOf(error)
  }
}

interface Stop {
  readonly signal: AbortSignal
  /** Resolves when the signal is aborted. */
  readonly code: Promise<ExitCode>
}

/** Ctrl-C ends with 130. A reader of our output that went away (`| head`) has all it wanted: the end, quietly. */
function stopSignal(io: CliIo): Stop {
  const controller = new AbortController()
  const code = new Promise<ExitCode>((resolve) => {
    const stop = (exitCode: ExitCode): void => {
      controller.abort()
      resolve(exitCode)
    }
    if (io.interrupted.aborted) stop(ExitCode.Interrupted)
    io.interrupted.addEventListener('abort', () => stop(ExitCode.Interrupted))
    io.stdout.on('error', () => stop(ExitCode.Ok))
  })
  return { signal: controller.signal, code }
}

async function dispatch(argv: readonly string[], io: CliIo, signal: AbortSignal): Promise<ExitCode> {
  const [name, ...rest] = argv
  if (name === undefined) throw new UsageError('which command? nestwire --help lists them')
  if (name === '--version' || name === '-v') return print(io, await version())
  if (name === '--help' || name === '-h' || name === 'help') return print(io, overview(commands))
  const command = commands.find((known) => known.name === name)
  if (command === undefined) throw new UsageError(`there is no command ${name}; nestwire --help lists them`)
  const args = parseArguments(command, rest)
  if (args.flag('help')) return print(io, commandHelp(command))
  return command.run({ args, io, signal })
}

function print(io: CliIo, text: string): ExitCode {
  writeLine(io.stdout, text)
  return ExitCode.Ok
}

async function version(): Promise<string> {
  // Two folders up in the source and in the package alike.
  const manifest: unknown = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}
