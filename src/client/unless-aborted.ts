import { ConnectionClosedError, type NestwireError } from './errors.js'

export const abortedError = (): NestwireError => new ConnectionClosedError('CLOSED', 'closed while connecting')

/** Settles as `task` does, or rejects with CLOSED as soon as the signal is aborted. */
export function unlessAborted<Value>(task: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return task
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortedError())
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort)
    void task.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
