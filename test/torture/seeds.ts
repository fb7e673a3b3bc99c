/** Where a client of the torture connects next: where a server has sent it, else the next of the servers it was told of. */

/** More of them in a row than a server may send anybody round. */
export const MAX_REDIRECTS = 2

export class Seeds {
  private target: number | undefined
  private redirectCount = 0

  /** Ports on this machine; begins with the one at `at`. */
  constructor(
    private readonly ports: readonly [number, ...number[]],
    private at = 0,
  ) {}

  get port(): number {
    return this.target ?? this.ports[this.at % this.ports.length] ?? this.ports[0]
  }

  /** How many servers in a row have sent it elsewhere. */
  get redirects(): number {
    return this.redirectCount
  }

  /** `host:port`, or empty: the server names none. */
  sentTo(target: string): void {
    const port = Number(/:(\d+)$/.exec(target)?.[1])
    this.target = Number.isInteger(port) ? port : undefined
  }

  redirected(target: string): void {
    this.redirectCount += 1
    this.sentTo(target)
  }

  admitted(): void {
    this.redirectCount = 0
  }

  /** The connection is gone: to where it was sent meanwhile, or to the next. */
  lost(from: number): void {
    if (this.target !== undefined && this.target !== from) return
    this.target = undefined
    this.at += 1
  }
}
