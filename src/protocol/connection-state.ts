/**
 * The server's view of one connection as a pure function: no socket, no clock.
 *
 *   connecting --HELLO--> handshake --AUTH granted--> authenticated --AUTH_OK written--> active --drain--> draining
 *   any state --close--> closed                       (without authentication HELLO leads straight to active)
 */
import type { PacketKind } from './packets.js'

export type ConnectionState = 'connecting' | 'handshake' | 'authenticated' | 'active' | 'draining' | 'closed'

export type ConnectionEvent =
  | { readonly kind: 'welcomed'; readonly authentication: 'none' | 'token' }
  | { readonly kind: 'granted' }
  | { readonly kind: 'authOkWritten' }
  | { readonly kind: 'drain' }
  | { readonly kind: 'close' }

/**
 * What to do with a packet: handle it; answer it with DRAINING; drop it, since nobody is there any more;
 * or end the connection with OUT_OF_STATE.
 */
export type PacketVerdict = 'accept' | 'refuse' | 'ignore' | 'outOfState'

const acceptedIn: Readonly<Record<Exclude<ConnectionState, 'closed'>, ReadonlySet<PacketKind>>> = {
  connecting: new Set(['hello', 'close']),
  handshake: new Set(['auth', 'resume', 'ping', 'pong', 'close']),
  authenticated: new Set(['ping', 'pong', 'close']),
  active: new Set(['auth', 'ping', 'pong', 'close', 'position', 'request', 'event', 'cancel', 'join', 'publish']),
  draining: new Set(['ping', 'pong', 'close', 'position', 'cancel']),
}
const refusedWhileDraining: ReadonlySet<PacketKind> = new Set(['auth', 'request', 'event', 'join', 'publish'])

export function judgePacket(state: ConnectionState, packet: PacketKind): PacketVerdict {
  if (state === 'closed') return 'ignore'
  if (acceptedIn[state].has(packet)) return 'accept'
  return state === 'draining' && refusedWhileDraining.has(packet) ? 'refuse' : 'outOfState'
}

/** The next state, or `undefined` for a move that does not exist. */
export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState | undefined {
  switch (event.kind) {
    case 'welcomed':
      if (state !== 'connecting') return undefined
      return event.authentication === 'none' ? 'active' : 'handshake'
    case 'granted':
      return state === 'handshake' ? 'authenticated' : undefined
    case 'authOkWritten':
      return state === 'authenticated' ? 'active' : undefined
    case 'drain':
      return state === 'active' ? 'draining' : undefined
    case 'close':
      return state === 'closed' ? undefined : 'closed'
  }
}
