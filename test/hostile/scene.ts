/** What an attack has: addresses to come from, names to come under, and a tally of what it is told. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'node:tls'
import { issueToken, type TokenRequest } from '../../src/auth/token-issuer.js'
import { Intruder } from './intruder.js'
import type { MetricQuery, MetricsPage } from './metrics-page.js'
import { Tally } from './tally.js'

export interface SceneOptions {
  readonly port: number
  readonly secret: string
  /** Two numbers, of which all of its addresses are: `127.3`. */
  readonly network: string
  readonly isLong: boolean
  readonly metrics: MetricsPage
  /** What a client must know of a server that speaks TLS, PEM. */
  readonly ca?: string | undefined
}

const TOKEN_TTL_SECONDS = 3_600
/** As many connect at once as a listener's backlog and this process like. */
const CONNECTING_AT_ONCE = 250
const LOOK_MS = 20
/** Of one /24. */
const HOSTS = 250

export class Scene {
  readonly tally = new Tally()
  readonly faults: string[] = []
  /** Figures for the reader of the results. */
  readonly notes: string[] = []
  private readonly intruders = new Set<Intruder>()

  constructor(private readonly options: SceneOptions) {}

  /** In the short form and in the long one. */
  size(short: number, long: number): number {
    return this.options.isLong ? long : short
  }

  address(host = 0): string {
    return `${this.options.network}.${Math.floor(host / HOSTS)}.${1 + (host % HOSTS)}`
  }

  token(user: string, over: Partial<TokenRequest> & { readonly secret?: string } = {}): Promise<string> {
    const { secret = this.options.secret, ...request } = over
    return issueToken({ user, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS, ...request }, secret)
  }

  /** Whether it got in or not. `host`: one who comes from elsewhere than the rest. */
  intruder(host = 0): Promise<Intruder> {
    return this.enter(host)
  }

  /** Past the handshake of TLS, if it got in. */
  tlsIntruder(host: number, tls: ConnectionOptions = {}): Promise<Intruder> {
    return this.enter(host, { ...tls, ca: this.options.ca })
  }

  /** `hostOf`: who comes from where; default: all from one address. */
  async crowd(count: number, hostOf: (index: number) => number = () => 0): Promise<readonly Intruder[]> {
    const crowd: Intruder[] = []
    while (crowd.length < count) {
      const batch = Array.from({ length: Math.min(CONNECTING_AT_ONCE, count - crowd.length) }, (_, index) => index)
      crowd.push(...(await Promise.all(batch.map((index) => this.intruder(hostOf(crowd.length + index))))))
    }
    return crowd
  }

  /** Past AUTH_OK. */
  async login(user: string, { host = 0, features = 0 } = {}): Promise<Intruder> {
    const intruder = await this.intruder(host)
    await intruder.greet(features)
    const token = await this.token(user)
    const answer = await intruder.ask((correlation) => ({ kind: 'auth', correlation, redirects: 0, token }))
    this.expect(answer?.kind === 'authOk', `${user} was not let in: ${this.tally.describe()}`)
    return intruder
  }

  note(figure: string): void {
    this.notes.push(figure)
  }

  expect(isSo: boolean, fault: string): void {
    if (!isSo) this.faults.push(fault)
  }

  /** By the server's own metrics, which cost it some work: not to be asked all the time. */
  count(query: MetricQuery): Promise<number> {
    return this.options.metrics.sum(query)
  }

  /** Whether it came to be in that time. */
  async until(isSo: () => boolean | Promise<boolean>, withinMs: number, lookMs = LOOK_MS): Promise<boolean> {
    const deadlineMs = performance.now() + withinMs
    while (!(await isSo()) && performance.now() < deadlineMs) await sleep(lookMs)
    return isSo()
  }

  /** All of them end within the time, and `code` is what each is told. */
  async expectClosed(intruders: readonly Intruder[], code: string, withinMs: number): Promise<void> {
    await this.until(() => intruders.every(({ isOver }) => isOver), withinMs)
    const told = this.tally.closedWith(code)
    this.expect(told === intruders.length, `${told} of ${intruders.length} told ${code}: ${this.tally.describe()}`)
  }

  /** Whoever is left goes without a word. */
  leave(): void {
    for (const intruder of this.intruders) if (!intruder.socket.destroyed) intruder.reset()
  }

  private async enter(host: number, tls?: ConnectionOptions): Promise<Intruder> {
    const intruder = new Intruder({ port: this.options.port, address: this.address(host), tally: this.tally, tls })
    this.intruders.add(intruder)
    await intruder.opened()
    return intruder
  }
}
