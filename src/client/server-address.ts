/**
 * Where to connect: the configured address, or the one a server has named instead. What does not answer is left for the
 * configured address again.
 */
import { DEFAULT_PORT } from '../protocol/constants.js'
import { DEFAULT_HOST } from './connection-options.js'

interface Address {
  readonly host: string
  readonly port: number
}

/** Servers that send a client in a circle are asked no more often than this before it waits. */
const MAX_REDIRECTS = 8

export class ServerAddress {
  private readonly home: Address
  private target: Address | undefined
  private followed = 0

  constructor({ host = DEFAULT_HOST, port = DEFAULT_PORT }: { readonly host?: string; readonly port?: number }) {
    this.home = { host, port }
  }

  get current(): Address {
    return this.target ?? this.home
  }
  /** How many servers in a row have sent the client elsewhere. */
  get redirects(): number {
    return this.followed
  }

  /** Takes `host:port` from now on. False, and nothing changes, if it is none, or one too many. */
  follow(target: string): boolean {
    const address = parseTarget(target)
    if (address === undefined || this.followed >= MAX_REDIRECTS) return false
    this.target = address
    this.followed += 1
    return true
  }

  arrived(): void {
    this.followed = 0
  }

  failed(): void {
    this.target = undefined
    this.followed = 0
  }
}

/** An IPv6 address stands in brackets. */
function parseTarget(target: string): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(target) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}
