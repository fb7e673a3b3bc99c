/** The socket under a connection: plain, or TLS that has checked who the server is. */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ClientTls } from './connection-options.js'

export interface SocketOrder {
  readonly host: string
  readonly port: number
  readonly tls?: ClientTls | undefined
}

/** `onReady`: it may be written to; before that TLS would hand what is written to a server that it has not checked. Throws for options that cannot be used. */
export function openSocket({ host, port, tls }: SocketOrder, onReady: () => void): Socket {
  if (tls === undefined) return connect({ host, port, noDelay: true }, onReady)
  // TLS has names for hosts only, none for addresses.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined)
  // An object with more in it than the type says, as one made for Nest's TCP client, must not switch the check off.
  const checked = { ...tls, rejectUnauthorized: true }
  const socket = connectTls({ ...checked, host, port, ...(servername === undefined ? {} : { servername }) }, onReady)
  return socket.setNoDelay(true)
}
