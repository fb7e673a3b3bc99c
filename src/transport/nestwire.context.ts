import { BaseRpcContext } from '@nestjs/microservices'
import type { Observable } from 'rxjs'
import type { Metadata } from '../protocol/packets.js'
import type { Principal } from './authentication.js'
import type { ConnectionHandle } from './connection-handle.js'
import { pacedValues } from './paced-values.js'
import { traceIdOf } from './traceparent.js'

type NestwireContextArgs = [connection: ConnectionHandle, pattern: string, call: CallInfo]

/** What the packet said beside pattern and data. One object a message, made by the dispatcher. */
export interface CallInfo {
  readonly metadata: Metadata | undefined
  readonly priority: 'normal' | 'high' | 'low'
  /** Clock time (Unix ms) after which the caller no longer waits; `undefined` = for ever. */
  readonly deadlineAtMs: number | undefined
}

/** Who called what, for log lines: `logger.warn('sold out', context.getLogFields())`. */
export interface LogFields {
  readonly connection: string
  readonly user: string | undefined
  readonly pattern: string
  /** The trace id of the `traceparent` that the caller sent as metadata: 32 hex digits. */
  readonly trace: string | undefined
}

/** The second argument of every handler (`@Ctx()`); guards and filters reach it by `host.switchToRpc().getContext()`. */
export class NestwireContext extends BaseRpcContext<NestwireContextArgs> {
  private abortion: AbortController | undefined
  private isOver = false

  getConnection(): ConnectionHandle {
    return this.args[0]
  }
  /** As normalised by Nest: `{"cmd":"sum"}` for an object pattern. */
  getPattern(): string {
    return this.args[1]
  }
  getMetadata(): Metadata | undefined {
    return this.args[2].metadata
  }
  getPriority(): CallInfo['priority'] {
    return this.args[2].priority
  }
  getDeadlineAtMs(): number | undefined {
    return this.args[2].deadlineAtMs
  }
  /** Nobody waits for an answer any more: the caller has cancelled or is gone, or its deadline has passed. */
  get isAbandoned(): boolean {
    return this.isOver
  }
  /** Aborted when the call is abandoned, for work that can be stopped: `fetch(url, { signal: context.signal })`. Made when it is asked for. */
  get signal(): AbortSignal {
    this.abortion ??= new AbortController()
    if (this.isOver) this.abortion.abort()
    return this.abortion.signal
  }
  /** Of the server. What listeners of `signal` throw is reported by Node as uncaught, as of any event. */
  abandon(): void {
    this.isOver = true
    this.abortion?.abort()
  }
  /** Who calls; `undefined` on a connection without authentication. */
  getPrincipal(): Principal | undefined {
    return this.args[0].principal
  }
  /**
   * For a handler that streams: asks `values` for the next one when the last has found room for the caller, who may be slow. As
   * an Observable it passes interceptors and filters.
   */
  paced<Value>(values: AsyncIterable<Value>): Observable<Value> {
    return pacedValues(values, this.args[0])
  }
  getLogFields(): LogFields {
    const [{ id, principal }, pattern, { metadata }] = this.args
    return { connection: id, user: principal?.user, pattern, trace: traceIdOf(metadata) }
  }
}
