import { ClientConnection } from '../../client/client-connection.js'
import { writeLine } from '../cli-io.js'
import type { Command } from '../command.js'
import { connectionOptions, connectOptions } from '../connecting.js'
import { ExitCode } from '../exit-codes.js'
import { toJsonLine } from '../json-text.js'
import { UsageError } from '../usage-error.js'

export const callCommand: Command = {
  name: 'call',
  operands: 'PATTERN [JSON]',
  summary: 'send a request; prints the reply as JSON, a stream line by line',
  options: connectOptions,
  async run(context) {
    const { args, io, signal } = context
    const [pattern, json] = args.take('PATTERN', 'JSON')
    if (pattern === undefined) throw new UsageError('PATTERN is missing')
    const data = json === undefined ? undefined : parseJson(json)
    const connection = await ClientConnection.open({ ...connectionOptions(context), signal })
    const close = (): void => void connection.close()
    signal.addEventListener('abort', close)
    try {
      await new Promise<void>((resolve, reject) => {
        const next = (value: unknown): void => writeLine(io.stdout, toJsonLine(value))
        connection.call(pattern, data, {}, { next, error: reject, complete: resolve })
      })
    } finally {
      await connection.close()
    }
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
