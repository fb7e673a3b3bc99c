// ws as its documentation shows a broadcast: one send to each client. argv: port
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
server.on('connection', (client) => {
  client.on('error', () => {})
  client.on('message', (message) => {
    for (const each of server.clients) each.send(message, { binary: true })
  })
})
