// One of several Socket.IO 4 servers that tell each other through Redis: everybody is in the room that the query names. No
// pings of its own while it is measured. argv: port, port of Redis
import { createServer } from 'node:http'
import { createShardedAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'

const [, , port, redisPort] = process.argv.map(Number)
const publisher = new Redis({ host: '127.0.0.1', port: redisPort })
// Redis 7 with a channel a room: a server hears only of the rooms that it has members of.
const adapter = createShardedAdapter(publisher, publisher.duplicate(), { subscriptionMode: 'dynamic' })
const http = createServer()
const io = new Server(http, { pingInterval: 600_000, pingTimeout: 600_000, transports: ['websocket'], adapter })
io.on('connection', (client) => {
  const { room = 'room' } = client.handshake.query
  void client.join(room)
  client.on('m', (message) => io.to(room).emit('m', message))
})
http.listen({ host: '127.0.0.1', port, backlog: 4096 })
