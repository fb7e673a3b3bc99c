// Socket.IO 4 over WebSocket: everybody is in one room. No pings of its own while it is measured. argv: port
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer()
const io = new Server(http, { pingInterval: 600_000, pingTimeout: 600_000, transports: ['websocket'] })
io.on('connection', (client) => {
  void client.join('room')
  client.on('m', (message) => io.to('room').emit('m', message))
})
http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
