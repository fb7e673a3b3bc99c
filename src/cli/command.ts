/** One command: its options, and what it does. Help and parsing follow from the table of options. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import type { CliIo } from './cli-io.js'
import { UsageError } from './usage-error.js'
import type { ExitCode } from './exit-codes.js'

interface CommandOption {
  /** Shown in help, e.g. `NAME`; absent for a flag. */
  readonly value?: string
  readonly help: string
}

export interface Command {
  readonly name: string
  /** What follows the options, e.g. `PATTERN [JSON]`. */
  readonly operands: string
  readonly summary: string
  readonly options: Readonly<Record<string, CommandOption>>
  run(context: CommandContext): Promise<ExitCode>
}

export interface CommandContext {
  readonly args: Arguments
  readonly io: CliIo
  /** Aborted when nobody wants more: Ctrl-C, or the reader of stdout is gone. */
  readonly signal: AbortSignal
}

export class Arguments {
  constructor(
    private readonly values: Readonly<Record<string, string | boolean | undefined>>,
    private readonly operands: readonly string[],
  ) {}

  text(option: string): string | undefined {
    const value = this.values[option]
    return typeof value === 'string' ? value : undefined
  }

  required(option: string): string {
    const value = this.text(option)
    if (value === undefined || value === '') throw new UsageError(`--${option} is missing`)
    return value
  }

  flag(option: string): boolean {
    return this.values[option] === true
  }

  wholeNumber(option: string): number | undefined {
    const value = this.text(option)
    if (value === undefined) return undefined
    const number = Number(value)
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) throw new UsageError(`--${option} is a whole number`)
    return number
  }

  /** At most `names.length` operands, in order; a missing one is `undefined`. */
  take(...names: readonly string[]): (string | undefined)[] {
    const extra = this.operands[names.length]
    if (extra !== undefined) throw new UsageError(`unexpected argument: ${extra}`)
    return names.map((_, index) => this.operands[index])
  }
}

export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const entries = Object.entries(command.options).map(([name, { value }]) => {
    const type: 'boolean' | 'string' = value === undefined ? 'boolean' : 'string'
    return [name, { type }] as const
  })
  const options: ParseArgsConfig['options'] = { help: { type: 'boolean', short: 'h' }, ...Object.fromEntries(entries) }
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    return new Arguments(single(values), positionals)
  } catch (error) {
    const [firstSentence = ''] = error instanceof Error ? error.message.split('. ') : []
    throw new UsageError(firstSentence, { cause: error })
  }
}

/** No option here may be given as a list. */
const single = (values: Readonly<Record<string, unknown>>): Record<string, string | boolean | undefined> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' || typeof value === 'boolean' ? value : undefined,
    ]),
  )
