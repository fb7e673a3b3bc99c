import type { Socket } from 'node:net'

/** How often this socket hands bytes to the kernel from now on. */
export function countWrites(socket: Socket): () => number {
  let writes = 0
  const write = socket._write.bind(socket)
  const writeMany = socket._writev?.bind(socket)
  socket._write = (...args) => {
    writes += 1
    write(...args)
  }
  socket._writev = (...args) => {
    writes += 1
    writeMany?.(...args)
  }
  return () => writes
}
