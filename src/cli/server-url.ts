import { DEFAULT_HOST } from '../client/connection-options.js'
import { DEFAULT_PORT } from '../protocol/constants.js'
import type { CliIo } from './cli-io.js'
import { UsageError } from './usage-error.js'

interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** `nestwire://host:port`; without one what `NESTWIRE_HOST` and `NESTWIRE_PORT` say, as the server reads them. */
export function serverAddress(url: string | undefined, env: CliIo['env']): ServerAddress {
  if (url === undefined) return { host: localHost(env['NESTWIRE_HOST']), port: portOf(env['NESTWIRE_PORT']) }
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const hasMore =
    parsed === undefined || /[^/]/.test(parsed.pathname) || parsed.search + parsed.hash + parsed.username !== ''
  if (parsed?.protocol !== 'nestwire:' || parsed.hostname === '' || hasMore) {
    throw new UsageError(`not a server: ${url} (say nestwire://host:port)`)
  }
  return { host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'), port: portOf(parsed.port) }
}

/** An address to listen on everywhere is none to connect to. */
const localHost = (host: string | undefined): string =>
  host === undefined || host === '' || host === '0.0.0.0' || host === '::' ? DEFAULT_HOST : host

function portOf(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_PORT
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new UsageError(`not a port: ${text}`)
  return port
}
