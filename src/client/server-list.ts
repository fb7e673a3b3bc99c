/**
 * Which server to connect to next: the one that a server has named, else the first of a shuffled list of those that were
 * configured and of the members of the cluster that one of them told. What came to nothing goes to the end. Pure.
 */
import { DEFAULT_PORT } from '../protocol/constants.js'
import { DEFAULT_HOST, type ClientTls, type ConnectionOptions } from './connection-options.js'
import { ClientError } from './errors.js'

/** Where clients may connect, and whether by TLS: one server, or several of a cluster. */
export interface ServerChoice extends Pick<ConnectionOptions, 'host' | 'port' | 'tls'> {
  /**
   * Instead of `host` and `port`: some servers of a cluster, each `host:port`, `host` or `nestwire://host:port`. They are
   * tried in random order, and tell the other members. One that is no address: BAD_FIELD. `nestwires://` switches TLS on,
   * for all of them and wherever they send the client.
   */
  readonly servers?: readonly string[]
}

export interface Address {
  readonly host: string
  readonly port: number
}
/** Where to connect, and what to say there of how often servers have sent the client elsewhere. */
export interface Destination extends Address {
  readonly redirects: number
  readonly tls: ClientTls | undefined
}

/** Servers that send a client in a circle are asked no more often than this before it waits. */
const MAX_REDIRECTS = 8
/** A cluster that is down must not hear of each client once a member, at once. */
const MAX_TRIES_IN_A_ROW = 4
/** Of a larger cluster a client knows some, each client others. */
export const MAX_MEMBERS = 64

export class ServerList {
  private readonly seeds: readonly Address[]
  private readonly tls: ClientTls | undefined
  /** In the order of the tries to come; never empty. */
  private order: readonly Address[]
  private target: Address | undefined
  private trying: Address | undefined
  private connected: Address | undefined
  private redirects = 0
  private failures = 0

  /** `random` returns 0 up to 1. Throws BAD_FIELD. */
  constructor(
    choice: ServerChoice,
    private readonly random: () => number,
  ) {
    this.seeds = seedsOf(choice)
    this.tls = tlsOf(choice)
    this.order = shuffled(distinct(this.seeds), random)
  }

  /** The next try. */
  next(): Destination {
    this.trying = this.target ?? this.first
    return { ...this.trying, redirects: this.redirects, tls: this.tls }
  }

  /** The last try has led to a connection. */
  arrived(): void {
    this.connected = this.trying
    this.redirects = 0
    this.failures = 0
  }

  /**
   * The last try came to nothing. True: there is another server to try at once. The redirects before it still count, so
   * that a server which names one that does not answer comes to keep the client.
   */
  failed(): boolean {
    this.moveLast(this.trying)
    this.target = undefined
    this.failures += 1
    const isOver = this.failures % Math.min(this.order.length, MAX_TRIES_IN_A_ROW) === 0
    if (isOver && this.redirects >= MAX_REDIRECTS) this.redirects = 0
    return !isOver
  }

  /** Goes to `host:port` next. False, and nothing changes, if it is none, or one too many. */
  follow(target: string): boolean {
    const address = parseAddress(target)
    if (address === undefined || this.redirects >= MAX_REDIRECTS) return false
    this.target = address
    this.redirects += 1
    return true
  }

  /**
   * The connection is over, or will be: the next goes to `target`, else to another server than the one that is left, the
   * latest. False: there is no other.
   */
  leave(target = '', left: Address | undefined = this.connected): boolean {
    if (this.order.length > 1) {
      this.moveLast(left)
      if (left !== undefined && this.target !== undefined && nameOf(this.target) === nameOf(left))
        this.target = undefined
    }
    return this.follow(target) || this.order.length > 1
  }

  /** Members of the cluster, `host:port` each, instead of those told before. What is none is left out. */
  learn(members: readonly string[]): void {
    const addresses = members.map((member) => parseAddress(member)).filter((address) => address !== undefined)
    const some = shuffled(distinct(addresses), this.random).slice(0, MAX_MEMBERS)
    this.order = shuffled(distinct([...this.seeds, ...some]), this.random)
  }

  private get first(): Address {
    const [first] = this.order
    if (first === undefined) throw new Error('a list of servers is never empty')
    return first
  }

  private moveLast(address: Address | undefined): void {
    const moved = this.order.find((listed) => address !== undefined && nameOf(listed) === nameOf(address))
    if (moved !== undefined) this.order = [...this.order.filter((listed) => listed !== moved), moved]
  }
}

function seedsOf({ host = DEFAULT_HOST, port = DEFAULT_PORT, servers }: ServerChoice): Address[] {
  if (servers === undefined) return [{ host, port }]
  if (servers.length === 0) throw new ClientError('BAD_FIELD', 'servers names no server')
  return servers.map((server) => {
    const address = parseServer(server)
    if (address === undefined) throw new ClientError('BAD_FIELD', `not a server: ${server} (say host:port)`)
    return address
  })
}

/** For all or for none: a token must not go in plain text to the one server that was written differently. */
function tlsOf({ tls, servers = [] }: ServerChoice): ClientTls | undefined {
  if (tls === undefined && !servers.some((server) => server.startsWith('nestwires://'))) return undefined
  const plain = servers.find((server) => server.startsWith('nestwire://'))
  if (plain !== undefined) throw new ClientError('BAD_FIELD', `${plain} means no TLS, which was asked for`)
  return tls ?? {}
}

/** `host:port`, `host`, or one of them behind `nestwire://` or `nestwires://`. */
export const parseServer = (text: string): Address | undefined =>
  parseAddress(text.replace(/^nestwires?:\/\/(.*?)\/?$/, '$1'), DEFAULT_PORT)

/** `host:port`; an IPv6 address stands in brackets. */
function parseAddress(text: string, defaultPort?: number): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\s[\]]+)\]|([^\s:/?#@[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = digits === undefined ? defaultPort : Number(digits)
  return host === undefined || port === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}

const nameOf = ({ host, port }: Address): string => `${host} ${port}`

const distinct = (addresses: readonly Address[]): Address[] => [
  ...new Map(addresses.map((address) => [nameOf(address), address])).values(),
]

function shuffled(addresses: readonly Address[], random: () => number): Address[] {
  const left = [...addresses]
  const order: Address[] = []
  while (left.length > 1) order.push(...left.splice(Math.floor(random() * left.length), 1))
  return [...order, ...left]
}
