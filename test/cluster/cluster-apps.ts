/** Whole servers of one cluster in this process, on a real NATS server; each test has a cluster of its own. */
import type { Environment } from '../../src/config/load-settings.js'
import { RoomRegistry } from '../../src/rooms/room-registry.js'
import type { Room } from '../../src/rooms/room.js'
import { newName, SHARED_SECRETS } from '../log/jetstream/cluster-nodes.js'
import type { NatsServer } from '../support/nats-server.js'
import { runApp, type TestApp } from '../support/running-app.js'

export interface ClusterApp extends TestApp {
  /** One more of the same cluster. */
  readonly sibling: (env?: Environment) => Promise<ClusterApp>
}

/** They come up one after the other, as in life. */
export async function runCluster(
  server: NatsServer,
  count: number,
  env: Environment = {},
): Promise<readonly ClusterApp[]> {
  const common = {
    ...SHARED_SECRETS,
    NESTWIRE_CLUSTER_URL: server.url,
    NESTWIRE_CLUSTER_NAME: newName(),
    // Tests choose the node of each user.
    NESTWIRE_CLUSTER_ROUTING: 'accept',
    ...env,
  }
  const start = async (over: Environment = {}): Promise<ClusterApp> => ({
    ...(await runApp({ ...common, ...over })),
    sibling: start,
  })
  const apps: ClusterApp[] = []
  for (let node = 1; node <= count; node += 1) apps.push(await start())
  return apps
}

export interface RoomView {
  readonly owner: string
  readonly incarnation: number
  readonly members: readonly unknown[]
  readonly bans: readonly string[]
  readonly isClosing: boolean
}

/** What a node knows of its rooms. */
export const viewOf = ({ app }: TestApp): Readonly<Record<string, RoomView>> =>
  Object.fromEntries(
    [...app.get(RoomRegistry, { strict: false })].toSorted(byName).map((room) => [
      room.id,
      {
        owner: room.owner,
        incarnation: room.incarnation,
        members: [...room.memberIds()].toSorted().map((user) => [user, room.member(user)?.joinedAtMs]),
        bans: [...room.bans()].toSorted(),
        isClosing: room.isClosing,
      },
    ]),
  )

const byName = (one: Room, other: Room): number => (one.id < other.id ? -1 : 1)
