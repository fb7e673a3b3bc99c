/**
 * The way from one node to NATS, which a test breaks and mends: by a reset, as when a router says so, or in silence, as when
 * it does not. What was on its way in silence arrives when the path is mended, however late, as TCP would have it.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

const LOOPBACK = '127.0.0.1'

export class BreakablePath {
  private state: 'whole' | 'refusing' | 'silent' = 'whole'
  private readonly sockets = new Set<Socket>()

  private constructor(
    readonly port: number,
    private readonly toPort: number,
  ) {}

  static async to(toPort: number): Promise<BreakablePath> {
    const listener = createServer({ pauseOnConnect: true, noDelay: true }).listen(0, LOOPBACK)
    await once(listener, 'listening')
    const address = listener.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    const path = new BreakablePath(address.port, toPort)
    listener.on('connection', (near) => path.carry(near))
    onTestFinished(() => {
      listener.close()
      path.reset()
    })
    return path
  }

  get url(): string {
    return `nats://${LOOPBACK}:${this.port}`
  }

  /** Every connection is reset, and new ones are. */
  refuse(): void {
    this.state = 'refusing'
    this.reset()
  }

  /** Nothing is carried any more, and nobody is told. */
  silence(): void {
    this.state = 'silent'
    for (const socket of this.sockets) socket.pause()
  }

  mend(): void {
    this.state = 'whole'
    for (const socket of this.sockets) socket.resume()
  }

  private reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy()
  }

  private carry(near: Socket): void {
    if (this.state === 'refusing') return void near.resetAndDestroy()
    const far = connect({ port: this.toPort, host: LOOPBACK, noDelay: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from)
      from.on('data', (chunk) => to.write(chunk))
      from.on('end', () => to.end())
      from.on('error', () => undefined)
      from.on('close', () => {
        this.sockets.delete(from)
        to.destroy()
      })
      if (this.state === 'whole') from.resume()
      else from.pause()
    }
  }
}
