/**
 * What other nodes do to sessions whose connections are here: one that goes on there ends here, and so does one that was
 * revoked there.
 */
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import { SHARING } from '../log/room-log.token.js'
import type { Sharing } from '../log/sharing.js'
import type { StateChange } from '../log/state-store.js'
import { CloseCode } from '../protocol/close-codes.js'
import { trustedSessionId } from '../protocol/ids.js'
import { decodeGeneration, type SessionGeneration } from './session-generation.js'
import type { Session } from './session.js'
import { SessionsService } from './sessions.service.js'

@Injectable()
export class SessionWatch implements OnModuleInit, OnApplicationShutdown {
  private stop: () => void = () => undefined

  constructor(
    @Inject(SHARING) private readonly sharing: Sharing,
    private readonly sessions: SessionsService,
  ) {}

  onModuleInit(): void {
    if (this.sharing.kind === 'cluster') this.stop = this.sharing.state.watch((change) => this.changed(change))
  }

  onApplicationShutdown(): void {
    this.stop()
  }

  private changed({ key: [table, id], value, isOwn }: StateChange): void {
    // Nearly all changes are of other things, or of sessions that are not here.
    if (table !== 'session' || isOwn || value === undefined) return
    const session = this.sessions.get(trustedSessionId(id ?? ''))
    if (session === undefined) return
    const state = read(value)
    if (state !== undefined) judge(session, state)
  }
}

function judge({ connection, generation }: Session, { isRevoked, offered }: SessionGeneration): void {
  if (isRevoked) connection.close(CloseCode.SessionRevoked, 'the session was ended')
  // Who shows a good ticket is handed the next generation.
  else if (offered > generation) connection.close(CloseCode.TakenOver, 'the session goes on on another connection')
}

/** What a later version writes is nothing to act upon. */
function read(value: Buffer): SessionGeneration | undefined {
  try {
    return decodeGeneration(value)
  } catch {
    return undefined
  }
}
