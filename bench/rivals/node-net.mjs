// The least that a Node server can do for a room: each type-2 frame goes to every socket with one write. Frames have a
// 16-byte header with the type at 8 and the payload's length at 12. No auth, no rooms, no log, no bounds. argv: port
import { createServer } from 'node:net'

const TYPE_AT = 8
const LENGTH_AT = 12
const HEADER_BYTES = 16
const BROADCAST = 2

const sockets = new Set()
const server = createServer({ noDelay: true }, (socket) => {
  sockets.add(socket)
  let held = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    let at = 0
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + bytes.readUInt32BE(at + LENGTH_AT)
      if (end > bytes.length) break
      if (bytes.readUInt32BE(at + TYPE_AT) === BROADCAST) {
        const frame = bytes.subarray(at, end)
        for (const each of sockets) each.write(frame)
      }
      at = end
    }
    held = bytes.subarray(at)
  })
  socket.on('error', () => {})
  socket.on('close', () => sockets.delete(socket))
})
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 })
