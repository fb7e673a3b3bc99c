/**
 * A program of `load/` in a process of its own, asked one thing at a time. It ends with this process, or when told to.
 * What it prints goes to stderr.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** What a program can be asked: each question's name, what goes with it, and its answer; all of it plain data. */
export type Program = Readonly<Record<string, (details: never) => unknown>>

export interface WorkerQuestion {
  readonly question: string
  readonly details: unknown
}
/** What comes back: the answer (nothing for an answer of nothing), or the stack of what went wrong. */
export interface WorkerReply {
  readonly answer?: unknown
  readonly failure?: string
}

type Details<P extends Program, Question extends keyof P> = Parameters<P[Question]>[0]
type Answer<P extends Program, Question extends keyof P> = Awaited<ReturnType<P[Question]>>

export class WorkerProcess<P extends Program> {
  private readonly child: ChildProcess
  private waiting: { resolve(answer: unknown): void; reject(error: Error): void } | undefined

  /** `name` is that of a file in `load/`, without its ending; or where the compiled program is. */
  constructor(name: string | URL) {
    const path = typeof name === 'string' ? new URL(`load/${name}.js`, import.meta.url).pathname : name.pathname
    this.child = fork(path, [], { stdio: ['ignore', process.stderr, process.stderr, 'ipc'] })
    this.child.on('message', (reply) => this.settle(reply as WorkerReply))
    this.child.on('exit', (code, signal) => this.settle({ failure: `${path} ended: ${signal ?? `code ${code}`}` }))
  }

  // Both ends are built from one source, so the types on one side are those on the other.
  ask<Question extends keyof P & string>(
    question: Question,
    details: Details<P, Question>,
  ): Promise<Answer<P, Question>> {
    return new Promise((resolve, reject) => {
      if (this.waiting !== undefined) throw new Error('a worker is asked one thing at a time')
      this.waiting = { resolve, reject }
      this.child.send({ question, details } satisfies WorkerQuestion)
    })
  }

  /** Resolves when the process is gone. Idempotent. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const gone = once(this.child, 'exit')
    if (this.child.connected) this.child.disconnect()
    await gone
  }

  private settle(reply: WorkerReply): void {
    const { waiting } = this
    this.waiting = undefined
    if (reply.failure === undefined) waiting?.resolve(reply.answer)
    else waiting?.reject(new Error(reply.failure))
  }
}
