/**
 * One set of listeners for all sockets: `this` is the socket, which knows its connection. Closures per connection would
 * cost about half a kilobyte each.
 */
import type { Socket } from 'node:net'
import type { Connection } from './connection.js'

const CONNECTION = Symbol('connection')
type ConnectedSocket = Socket & { [CONNECTION]?: Connection }

function onData(this: ConnectedSocket, chunk: Buffer): void {
  this[CONNECTION]?.onData(chunk)
}
function onDrain(this: ConnectedSocket): void {
  this[CONNECTION]?.onDrain()
}
function onEnd(this: ConnectedSocket): void {
  this[CONNECTION]?.onEnd()
}
function onClose(this: ConnectedSocket): void {
  this[CONNECTION]?.onGone()
}
/** A reset or a broken pipe; 'close' follows and does the work. */
function onError(): void {}

export function listenTo(socket: Socket, connection: Connection): void {
  ;(socket as ConnectedSocket)[CONNECTION] = connection
  socket.on('data', onData)
  socket.on('drain', onDrain)
  socket.on('end', onEnd)
  socket.on('close', onClose)
  socket.on('error', onError)
}
