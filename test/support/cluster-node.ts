/** One node of a cluster as a process of its own, always on the same ports: killed, frozen, drained and started again. */
import { freePort } from '../../bench/free-port.js'
import { ServerPlace, type ServerRun } from '../../bench/server-process.js'

export interface Readiness {
  /** 200 or 503; 0: nobody answered. */
  readonly status: number
  readonly reasons: string
}

const LOOPBACK = '127.0.0.1'

export interface NodePlace {
  readonly name: string
  /** The compiled `main.js`; default: the one this was compiled with. */
  readonly main?: string
  readonly settings: Readonly<Record<string, string>>
}

export class ClusterNode {
  private run: ServerRun | undefined

  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly httpPort: number,
    private readonly place: ServerPlace,
  ) {}

  /** Nothing runs yet. */
  static async place({ name, main, settings }: NodePlace): Promise<ClusterNode> {
    const [port, httpPort] = [await freePort(), await freePort()]
    const own = { NESTWIRE_NODE_NAME: name, NESTWIRE_HOST: LOOPBACK, NESTWIRE_HTTP_PORT: String(httpPort), ...settings }
    const place = await ServerPlace.make({ ...(main === undefined ? {} : { main }), port, settings: own })
    return new ClusterNode(name, port, httpPort, place)
  }

  /** Resolves when it listens; the process before must have ended. */
  async start(): Promise<void> {
    this.run = this.place.run()
    await this.run.listening
  }

  async kill(): Promise<void> {
    this.run?.signal('SIGKILL')
    await this.run?.ended
  }

  /** SIGTERM; resolves with the exit code. */
  async drain(): Promise<number | null> {
    this.run?.signal('SIGTERM')
    return (await this.run?.ended) ?? null
  }

  freeze(): void {
    this.run?.signal('SIGSTOP')
  }

  thaw(): void {
    this.run?.signal('SIGCONT')
  }

  async readiness(): Promise<Readiness> {
    try {
      const answer = await fetch(`http://${LOOPBACK}:${this.httpPort}/health/ready`)
      return { status: answer.status, reasons: await answer.text() }
    } catch {
      return { status: 0, reasons: '' }
    }
  }

  /** Ends the process and removes what it stored. */
  async discard(): Promise<void> {
    await this.kill()
    await this.place.close()
  }
}
