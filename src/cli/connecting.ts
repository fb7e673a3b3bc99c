/** Options of every command that talks to a server, and a client that is closed however the command ends. */
import { connect, type ChatClient, type ChatClientOptions } from '../client/chat-client.js'
import { ClientConnection } from '../client/client-connection.js'
import { openAnywhere } from '../client/open-anywhere.js'
import { ServerList } from '../client/server-list.js'
import type { CommandContext } from './command.js'
import { credentialOptions, tokenSource } from './credentials.js'
import { serverChoice, hasLocalTls } from './server-url.js'
import { tlsChoice, tlsOptions } from './tls-options.js'
import { UsageError } from './usage-error.js'

export const connectOptions = {
  url: {
    value: 'URL',
    help: 'the server, or some of a cluster: nestwire://a:7420,b:7420, nestwires:// for TLS (default: NESTWIRE_HOST and NESTWIRE_PORT, or 127.0.0.1:7420)',
  },
  ...tlsOptions,
  ...credentialOptions,
} as const

/** `user` where none is given. */
export function connectionOptions({ args, io }: CommandContext, user?: string): ChatClientOptions {
  const url = args.text('url')
  const tls = tlsChoice(args) ?? (url === undefined && hasLocalTls(io.env) ? {} : undefined)
  // Who shows a certificate is whom it names.
  const token = tokenSource(args, io.env, args.text('user') ?? (tls?.cert === undefined ? user : undefined))
  return {
    ...serverChoice(url, io.env),
    ...(tls === undefined ? {} : { tls }),
    agent: 'nestwire-cli',
    ...(token === undefined ? {} : { token }),
  }
}

/** One connection to whichever server takes it, closed however the command ends. */
export async function withConnection<Result>(
  { signal }: CommandContext,
  options: ChatClientOptions,
  use: (connection: ClientConnection) => Promise<Result>,
): Promise<Result> {
  const connection = await openAnywhere(new ServerList(options, Math.random), (destination) =>
    ClientConnection.open({ ...options, ...destination, signal }),
  )
  signal.addEventListener('abort', () => void connection.close())
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

/** Rooms have members: a command about a room needs to know who. */
export async function withClient<Result>(
  context: CommandContext,
  use: (client: ChatClient) => Promise<Result>,
): Promise<Result> {
  const options = connectionOptions(context)
  if (options.token === undefined && options.tls?.cert === undefined) {
    throw new UsageError('--user is missing (or --token, or --cert)')
  }
  const client = await connect({ ...options, signal: context.signal })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
