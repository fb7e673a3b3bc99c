import { writeLine } from '../cli-io.js'
import type { Command } from '../command.js'
import { connectionOptions, connectOptions, withConnection } from '../connecting.js'
import { ExitCode } from '../exit-codes.js'
import { toJsonLine } from '../json-text.js'
import { UsageError } from '../usage-error.js'

export const routeCommand: Command = {
  name: 'route',
  operands: 'USER',
  summary: 'ask a cluster which node a user belongs to; prints {"node","address"}',
  options: connectOptions,
  async run(context) {
    const { args, io } = context
    const [user] = args.take('USER')
    if (user === undefined) throw new UsageError('USER is missing')
    // Everybody may ask about themselves; whoever asks about others must be a service or an admin.
    const route = await withConnection(context, connectionOptions(context, user), (connection) =>
      connection.request('cluster.route', { user }),
    )
    writeLine(io.stdout, toJsonLine(route))
    return ExitCode.Ok
  },
}
