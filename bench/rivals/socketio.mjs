// Socket.IO 4 over WebSocket: everybody is in the room that the query names, or in one. No pings of its own while it is
// measured. SIGTERM closes it in order. argv: port [--recovery]: with connection state recovery, for two minutes
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const [, , port, mode] = process.argv
const recovery = mode === '--recovery' ? { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } } : {}
const http = createServer()
const io = new Server(http, { pingInterval: 600_000, pingTimeout: 600_000, transports: ['websocket'], ...recovery })
io.on('connection', (client) => {
  const { room = 'room' } = client.handshake.query
  void client.join(room)
  client.on('m', (message) => io.to(room).emit('m', message))
})
http.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 })
process.once('SIGTERM', () => void io.close().then(() => process.exit(0)))
