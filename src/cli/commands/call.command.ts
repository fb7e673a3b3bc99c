import { writeLine } from '../cli-io.js'
import type { Command } from '../command.js'
import { connectionOptions, connectOptions, withConnection } from '../connecting.js'
import { ExitCode } from '../exit-codes.js'
import { toJsonLine } from '../json-text.js'
import { UsageError } from '../usage-error.js'

export const callCommand: Command = {
  name: 'call',
  operands: 'PATTERN [JSON]',
  summary: 'send a request; prints the reply as JSON, a stream line by line',
  options: connectOptions,
  async run(context) {
    const { args, io } = context
    const [pattern, json] = args.take('PATTERN', 'JSON')
    if (pattern === undefined) throw new UsageError('PATTERN is missing')
    const data = json === undefined ? undefined : parseJson(json)
    const next = (value: unknown): void => writeLine(io.stdout, toJsonLine(value))
    await withConnection(
      context,
      connectionOptions(context),
      (connection) =>
        new Promise<void>((resolve, reject) => {
          connection.call(pattern, data, {}, { next, error: reject, complete: resolve })
        }),
    )
    return ExitCode.Ok
  },
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`not JSON: ${text}`, { cause })
  }
}
