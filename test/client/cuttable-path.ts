/** A TCP path to a server that the test can cut: both ends of every connection see a reset. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface CuttablePath {
  readonly port: number
  cut(): void
}

export async function startPath(toPort: number): Promise<CuttablePath> {
  const sockets = new Set<Socket>()
  const listener = createServer((near) => {
    const far = connect({ port: toPort, host: '127.0.0.1' })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  onTestFinished(() => {
    listener.close()
    cut()
  })
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return { port: address.port, cut }
}
