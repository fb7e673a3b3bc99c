/**
 * The generations of all sessions that were resumed or revoked, in the store, so that a ticket that was refused once
 * stays refused after a restart. Entries go when every ticket they refuse has expired.
 */
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { MAX_TICKET_TTL_MS } from '../config/session-settings.js'
import { StartUpError } from '../config/start-up-error.js'
import { STATE_STORE } from '../log/room-log.token.js'
import type { StateKey, StateStore } from '../log/state-store.js'
import { trustedSessionId, type SessionId } from '../protocol/ids.js'
import { TrustedTime } from '../trusted-time.js'
import {
  advanced,
  confirmed,
  decodeGeneration,
  encodeGeneration,
  judgeGeneration,
  revoked,
  type SessionGeneration,
} from './session-generation.js'
import type { Session } from './session.js'
import { Turns } from './turns.js'

/** Another node may change the same session meanwhile; it has won when that has happened so often. */
const MAX_TRIES = 3
const SWEEP_INTERVAL_MS = 600_000

export type AdvanceVerdict =
  | { readonly kind: 'advanced'; readonly generation: number }
  /** The ticket does not count. */
  | { readonly kind: 'replayed' | 'revoked' }
  /** Somebody else resumed the session at the same time, and won. */
  | { readonly kind: 'overtaken' }

@Injectable()
export class SessionGenerations implements OnModuleInit, OnApplicationShutdown {
  private readonly turns = new Turns<SessionId>()
  private readonly time: TrustedTime
  private stopSweeping: (() => void) | undefined

  constructor(
    @Inject(STATE_STORE) private readonly store: StateStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.time = new TrustedTime(clock)
  }

  /** Rejects with `StartUpError` if the store holds what this version cannot read. */
  async onModuleInit(): Promise<void> {
    for await (const { key, value } of this.store.scan('session')) {
      try {
        decodeGeneration(value)
      } catch (cause) {
        throw new StartUpError(`the entry of session ${key[1]} in the log cannot be read`, { cause })
      }
    }
    this.stopSweeping = this.clock.every(SWEEP_INTERVAL_MS, () => void this.sweep().catch(() => undefined))
  }

  onApplicationShutdown(): void {
    this.stopSweeping?.()
  }

  /** Runs `task` when nobody else is at work on that session. */
  inTurn<Result>(session: SessionId, task: () => Promise<Result>): Promise<Result> {
    return this.turns.take(session, task)
  }

  /**
   * In turn only. Hands out the next generation, if `presented` counts; what is kept of it goes at `forgetAtMs`. Not for
   * somebody who has gone meanwhile: it would end the session on the node where it has come back.
   */
  async advance(
    session: SessionId,
    presented: number,
    { forgetAtMs, isGone = () => false }: { readonly forgetAtMs: number; readonly isGone?: () => boolean },
  ): Promise<AdvanceVerdict> {
    for (let tries = 0; tries < MAX_TRIES && !isGone(); tries += 1) {
      const { bytes, state } = await this.read(session)
      const verdict = judgeGeneration(state, presented)
      if (verdict !== 'good') return { kind: verdict }
      const next = advanced(state, presented, forgetAtMs)
      if (await this.store.replace(keyOf(session), bytes, encodeGeneration(next))) {
        return { kind: 'advanced', generation: next.offered }
      }
    }
    return { kind: 'overtaken' }
  }

  /** Whether a later generation was handed out meanwhile, by whatever node. */
  async isOvertaken({ id, generation }: Pick<Session, 'id' | 'generation'>): Promise<boolean> {
    const { state } = await this.read(id)
    return state !== undefined && (state.isRevoked || state.offered > generation)
  }

  /** In turn only. The client holds a ticket of `generation`: those before it count no more. */
  async confirm(session: SessionId, generation: number): Promise<void> {
    const { bytes, state } = await this.read(session)
    const next = state && confirmed(state, generation)
    if (next !== undefined) await this.store.replace(keyOf(session), bytes, encodeGeneration(next))
  }

  /** In turn only. False if it was revoked already. */
  async revoke(session: SessionId): Promise<boolean> {
    const { state } = await this.read(session)
    await this.store.put(keyOf(session), encodeGeneration(revoked(this.clock.now() + MAX_TICKET_TTL_MS)))
    return state?.isRevoked !== true
  }

  private async read(session: SessionId): Promise<{ bytes: Buffer | undefined; state: SessionGeneration | undefined }> {
    const bytes = await this.store.get(keyOf(session))
    return { bytes, state: bytes === undefined ? undefined : decodeGeneration(bytes) }
  }

  private async sweep(): Promise<void> {
    // A clock that was set ahead by mistake must not bring revoked tickets back when it is set right again.
    const nowMs = this.time.now()
    for await (const { key, value } of this.store.scan('session')) {
      if (decodeGeneration(value).forgetAtMs <= nowMs) await this.forget(trustedSessionId(key[1] ?? ''), nowMs)
    }
  }

  private forget(session: SessionId, nowMs: number): Promise<void> {
    return this.inTurn(session, async () => {
      const { bytes, state } = await this.read(session)
      // Another node may have renewed it meanwhile.
      if (state !== undefined && state.forgetAtMs <= nowMs) await this.store.replace(keyOf(session), bytes, undefined)
    })
  }
}

const keyOf = (session: SessionId): StateKey => ['session', session]
