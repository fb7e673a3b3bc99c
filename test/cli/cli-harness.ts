/** The command line in this process: streams of its own, an environment of its own, Ctrl-C by the test. */
import { PassThrough, Writable } from 'node:stream'
import { onTestFinished } from 'vitest'
import type { CliIo } from '../../src/cli/cli-io.js'
import { run } from '../../src/cli/run.js'
import { runApp, type TestApp } from '../support/running-app.js'

const SECRET = 'a secret that server and command line share'

export interface RunningCli {
  readonly exitCode: Promise<number>
  readonly stdin: PassThrough
  readonly stdout: TextSink
  readonly stderr: TextSink
  interrupt(): void
}

/** What was written, and a way to wait for a line of it. */
export class TextSink extends Writable {
  text = ''
  private wake: () => void = () => undefined

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    this.wake()
    done()
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }

  async line(isWanted: (line: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.lines.find(isWanted)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
  }
}

export interface CliOptions {
  readonly env?: CliIo['env']
  readonly isTerminal?: boolean
}

export function startCli(argv: readonly string[], { env = {}, isTerminal = false }: CliOptions = {}): RunningCli {
  const interrupt = new AbortController()
  const stdin = Object.assign(new PassThrough(), { isTTY: isTerminal })
  const stdout = Object.assign(new TextSink(), { isTTY: isTerminal, columns: 80 })
  const stderr = new TextSink()
  const exitCode = run(argv, { stdin, stdout, stderr, env, interrupted: interrupt.signal })
  onTestFinished(async () => {
    interrupt.abort()
    await exitCode
  })
  return { exitCode, stdin, stdout, stderr, interrupt: () => interrupt.abort() }
}

/** Runs to the end. */
export async function cli(argv: readonly string[], options?: CliOptions) {
  const { exitCode, stdout, stderr, stdin } = startCli(argv, options)
  stdin.end()
  return { exitCode: await exitCode, stdout: stdout.text, stderr: stderr.text }
}

/** A whole server, and the environment in which the commands find it. */
export async function startServer(): Promise<{ app: TestApp; env: CliIo['env'] }> {
  const app = await runApp({ NESTWIRE_AUTH_SECRET: SECRET })
  return { app, env: { NESTWIRE_PORT: String(app.address.port), NESTWIRE_AUTH_SECRET: SECRET } }
}
