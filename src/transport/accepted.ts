import type { Socket } from 'node:net'
import type { Pass, Refusal } from './connection-gate.js'

/** A socket that was accepted, whether or not it may stay. */
export interface Accepted {
  readonly socket: Socket
  /** In the clock's uptime. The handshake deadline counts from here, TLS included. */
  readonly openedAtMs: number
  /** A pass is left by whoever has the socket when it goes; a refusal is told as soon as it can be. */
  readonly entry: Pass | Refusal
}

/** Somebody who was let in has to go after all. */
export function refuse(accepted: Accepted, refusal: Refusal): Accepted {
  const { entry } = accepted
  if (entry.kind === 'refused') return accepted
  entry.leave()
  return { ...accepted, entry: refusal }
}
