/** What this process writes to its two outputs until the test is over; nothing of it is shown. */
import { onTestFinished, vi } from 'vitest'

export interface CapturedOutput {
  /** All of it so far. */
  readonly text: () => string
  /** The lines that are JSON objects. */
  readonly json: () => readonly Readonly<Record<string, unknown>>[]
}

export function captureOutput(): CapturedOutput {
  let written = ''
  const keep = (chunk: string | Uint8Array): boolean => {
    written += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    return true
  }
  for (const stream of [process.stdout, process.stderr]) {
    const spy = vi.spyOn(stream, 'write').mockImplementation(keep)
    onTestFinished(() => spy.mockRestore())
  }
  return {
    text: () => written,
    json: () =>
      written
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  }
}
