/** Rooms in which nobody speaks: a few connections that are each in many. */
import { issueToken } from '../../src/auth/token-issuer.js'
import { ClientConnection } from '../../src/client/client-connection.js'
import type { LoadTarget } from './room-load.js'

const ROOMS_PER_CONNECTION = 128
const TOKEN_TTL_SECONDS = 36_000

/** Resolves when all are joined; what it gives back leaves them. */
export async function joinIdleRooms(target: LoadTarget, rooms: number): Promise<() => Promise<void>> {
  const connections: ClientConnection[] = []
  for (let first = 0; first < rooms; first += ROOMS_PER_CONNECTION) {
    const connection = await connectAs(`idler-${first}`, target)
    connections.push(connection)
    const count = Math.min(ROOMS_PER_CONNECTION, rooms - first)
    await Promise.all(Array.from({ length: count }, (_, at) => connection.join(`idle-${first + at}`)))
  }
  return async () => {
    await Promise.all(connections.map((connection) => connection.close()))
  }
}

async function connectAs(user: string, { port, secret = '' }: LoadTarget): Promise<ClientConnection> {
  const token = await issueToken({ user, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, secret)
  return ClientConnection.open({ port, token })
}
