/** Options of every command that talks to a server, and a client that is closed however the command ends. */
import { connect, type ChatClient } from '../client/chat-client.js'
import type { ConnectionOptions } from '../client/connection-options.js'
import type { CommandContext } from './command.js'
import { credentialOptions, tokenSource } from './credentials.js'
import { serverAddress } from './server-url.js'
import { UsageError } from './usage-error.js'

export const connectOptions = {
  url: { value: 'URL', help: 'the server (default: nestwire://127.0.0.1:7420, or NESTWIRE_HOST and NESTWIRE_PORT)' },
  ...credentialOptions,
} as const

export function connectionOptions({ args, io }: CommandContext): ConnectionOptions {
  const token = tokenSource(args, io.env)
  return {
    ...serverAddress(args.text('url'), io.env),
    agent: 'nestwire-cli',
    ...(token === undefined ? {} : { token }),
  }
}

/** Rooms have members: a command about a room needs to know who. */
export async function withClient<Result>(
  context: CommandContext,
  use: (client: ChatClient) => Promise<Result>,
): Promise<Result> {
  const options = connectionOptions(context)
  if (options.token === undefined) throw new UsageError('--user is missing (or --token)')
  const client = await connect({ ...options, signal: context.signal })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
