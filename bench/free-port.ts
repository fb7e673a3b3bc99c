/** Ports for servers that start later, or again. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that the kernel gives to clients: one that tries to connect while nobody listens could be given the very
 * port it wants to reach, and be connected to itself.
 */
const PORTS = { from: 20_000, to: 32_000 } as const

/** A port of this machine that is free now, and that no client is given while nobody listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to)
    const listener = createServer().listen(port, '127.0.0.1')
    const isFree = await once(listener, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    listener.close()
    await once(listener, 'close')
    return port
  }
}
