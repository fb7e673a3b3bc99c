/** TCP paths to a server that the test can cut: all at once by a reset, or each after so many bytes, to the byte. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface CuttablePath {
  readonly port: number
  /** How many connections ended after their number of bytes. */
  readonly cuts: number
  cut(): void
  /** The present connection ends after the first of these numbers of bytes, each later one after the next. */
  cutAfter(bytes: readonly number[]): void
}

export async function startPath(toPort: number): Promise<CuttablePath> {
  const paths = new Set<Path>()
  let budgets: number[] = []
  let cuts = 0
  const listener = createServer((near) => {
    const path = new Path(near, connect({ port: toPort, host: '127.0.0.1', noDelay: true }), () => {
      paths.delete(path)
      if (path.bytesLeft === 0) cuts += 1
    })
    path.bytesLeft = budgets.shift() ?? Infinity
    paths.add(path)
  })
  const cut = (): void => {
    for (const path of paths) path.cut()
  }
  const cutAfter = (bytes: readonly number[]): void => {
    budgets = [...bytes]
    for (const path of paths) path.bytesLeft = budgets.shift() ?? Infinity
  }
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  onTestFinished(() => {
    listener.close()
    cut()
  })
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return {
    port: address.port,
    cut,
    cutAfter,
    get cuts() {
      return cuts
    },
  }
}

class Path {
  bytesLeft = Infinity
  private isCut = false

  constructor(
    private readonly near: Socket,
    private readonly far: Socket,
    onGone: () => void,
  ) {
    this.carry(near, far)
    this.carry(far, near)
    near.once('close', onGone)
  }

  /** Both ends see a reset. */
  cut(): void {
    this.isCut = true
    this.near.resetAndDestroy()
    this.far.resetAndDestroy()
  }

  private carry(from: Socket, to: Socket): void {
    from.setNoDelay(true)
    from.on('error', () => undefined)
    from.on('close', () => {
      if (!this.isCut) to.destroy()
    })
    from.on('end', () => to.end())
    from.on('data', (chunk: Buffer) => {
      if (this.isCut) return
      const part = chunk.subarray(0, this.bytesLeft)
      this.bytesLeft -= part.length
      if (this.bytesLeft > 0) return void to.write(part)
      // What was carried so far arrives; whoever sent it cannot know.
      this.isCut = true
      from.resetAndDestroy()
      to.end(part, () => to.destroy())
    })
  }
}
