import { DEFAULT_HOST } from '../client/connection-options.js'
import { parseServer, type ServerChoice } from '../client/server-list.js'
import { DEFAULT_PORT } from '../protocol/constants.js'
import type { CliIo } from './cli-io.js'
import { UsageError } from './usage-error.js'

/** `nestwire://host:port` (`nestwires://` for TLS), several with commas; without one what `NESTWIRE_HOST` and `NESTWIRE_PORT` say, as the server reads them. */
export function serverChoice(url: string | undefined, env: CliIo['env']): ServerChoice {
  if (url === undefined) return { host: localHost(env['NESTWIRE_HOST']), port: portOf(env['NESTWIRE_PORT']) }
  const servers = url.split(',')
  const wrong = servers.find((server) => parseServer(server) === undefined)
  if (wrong !== undefined) throw new UsageError(`not a server: ${wrong} (say nestwire://host:port)`)
  return { servers }
}

/** Whether the server that reads the same environment speaks TLS. */
export const hasLocalTls = (env: CliIo['env']): boolean => (env['NESTWIRE_TLS_CERT_FILE'] ?? '') !== ''

/** An address to listen on everywhere is none to connect to. */
const localHost = (host: string | undefined): string =>
  host === undefined || host === '' || host === '0.0.0.0' || host === '::' ? DEFAULT_HOST : host

function portOf(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_PORT
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new UsageError(`not a port: ${text}`)
  return port
}
