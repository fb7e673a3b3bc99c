/** What becomes of a packet: the state says whether it may be, and what is not the connection's own business goes to the host. */
import { CloseCode } from '../protocol/close-codes.js'
import { judgePacket } from '../protocol/connection-state.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Packet } from '../protocol/packets.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { unreachable } from '../unreachable.js'
import type { Connection } from './connection.js'
import { errorFrame } from './reply-frames.js'

/** Throws `ProtocolError` for what ends the connection. */
export function receivePacket(connection: Connection, packet: Packet): void {
  const verdict = judgePacket(connection.state, packet.kind)
  switch (verdict) {
    case 'accept':
      return accept(connection, packet)
    case 'refuse':
      connection.host.requests.other.failed(ErrorCode.Draining)
      if ('correlation' in packet)
        connection.offer(errorFrame(packet.correlation, ErrorCode.Draining, 'the server is going away'))
      return
    case 'ignore':
      return
    case 'outOfState':
      throw new ProtocolError(CloseCode.OutOfState, `${packet.kind} while ${connection.state}`)
    default:
      unreachable(verdict)
  }
}

function accept(connection: Connection, packet: Packet): void {
  switch (packet.kind) {
    case 'hello':
      return connection.welcome(packet)
    case 'ping':
      return connection.replyAhead(encodePacket({ kind: 'pong', correlation: packet.correlation }))
    case 'pong':
      return connection.host.connectionPonged(connection, packet.correlation)
    case 'position':
      return connection.confirm(packet)
    case 'close':
      return connection.close(CloseCode.Normal, 'goodbye')
    case 'auth':
    case 'resume':
    case 'request':
    case 'event':
    case 'cancel':
    case 'join':
    case 'publish':
      return connection.host.dispatch(connection, packet)
    default:
      throw new ProtocolError(CloseCode.OutOfState, `${packet.kind} comes from servers only`)
  }
}
