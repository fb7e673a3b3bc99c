import type { Readable, Writable } from 'node:stream'

/** The world of a command: given by `main.ts`, and by tests. */
export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal
}

export const writeLine = (stream: Writable, line: string): void => void stream.write(`${line}\n`)
