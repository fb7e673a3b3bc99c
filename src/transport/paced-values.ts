/**
 * Async iterables that handlers return, as Observables that are not faster than the reader of the connection: the next value
 * is asked for when the last one found room in the outbox. So a stream holds one value, whoever reads it.
 */
import { BaseRpcExceptionFilter } from '@nestjs/microservices'
import { catchError, isObservable, Observable } from 'rxjs'

/** What knows how much waits for the caller. */
export interface Pacer {
  /** Calls `proceed` once, now or when there is room, at last in another turn of the event loop. Returns how to give up. */
  whenRoom(proceed: () => void): () => void
}

/** Completes and fails with `values`; unsubscribing ends its loop (`finally` runs). */
export function pacedValues<Value>(values: AsyncIterable<Value>, pacer: Pacer): Observable<Value> {
  return new Observable((subscriber) => {
    const iterator = values[Symbol.asyncIterator]()
    let giveUp = (): void => undefined
    let isOver = false
    const roomFor = (value: Value): Promise<void> =>
      new Promise((resolve) => {
        giveUp = pacer.whenRoom(() => {
          subscriber.next(value)
          resolve()
        })
      })
    const pull = async (): Promise<void> => {
      while (!subscriber.closed) {
        const result = await iterator.next()
        if (subscriber.closed) return
        if (result.done === true) {
          isOver = true
          return subscriber.complete()
        }
        await roomFor(result.value)
      }
    }
    pull().catch((error: unknown) => {
      isOver = true
      subscriber.error(error)
    })
    return () => {
      giveUp()
      if (!isOver) void letGo(iterator)
    }
  })
}

/** For an iterable that nobody will ask: it may hold something from its making on, as `events.on` does. */
export async function letGoUnasked(values: AsyncIterable<unknown>): Promise<void> {
  try {
    await letGo(values[Symbol.asyncIterator]())
  } catch {
    // it holds nothing
  }
}

/** What its `finally` throws nobody waits for any more. */
async function letGo(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.()
  } catch {
    // and an iterator by hand may throw at once
  }
}

const filter = new BaseRpcExceptionFilter()
/** That filter asks nothing of it. */
const NO_HOST = undefined as never

/** The stream in what a handler gave; `undefined`: it is a value. */
export function streamIn(result: unknown, pacer: Pacer): Observable<unknown> | undefined {
  if (isObservable(result)) return result
  return isAsyncIterable(result) ? maskedValues(result, pacer) : undefined
}

/** What the iterable throws passes Nest's own filter, since it comes when those of the application are done with the handler. */
export const maskedValues = (values: AsyncIterable<unknown>, pacer: Pacer): Observable<unknown> =>
  pacedValues(values, pacer).pipe(catchError((error: unknown) => filter.catch(error, NO_HOST)))

export const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value
