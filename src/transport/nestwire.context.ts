import { BaseRpcContext } from '@nestjs/microservices'
import type { Metadata } from '../protocol/packets.js'
import type { Principal } from './authentication.js'
import type { ConnectionHandle } from './connection-handle.js'

type NestwireContextArgs = [connection: ConnectionHandle, pattern: string, call: CallInfo]

/** What the packet said beside pattern and data. One object a message, made by the dispatcher. */
export interface CallInfo {
  readonly metadata: Metadata | undefined
  readonly priority: 'normal' | 'high' | 'low'
  /** Clock time (Unix ms) after which the caller no longer waits; `undefined` = for ever. */
  readonly deadlineAtMs: number | undefined
}

/** The second argument of every handler (`@Ctx()`); guards and filters reach it by `host.switchToRpc().getContext()`. */
export class NestwireContext extends BaseRpcContext<NestwireContextArgs> {
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
  /** Who calls; `undefined` on a connection without authentication. */
  getPrincipal(): Principal | undefined {
    return this.args[0].principal
  }
}
