/** Nodes of a cluster on one real NATS server: each test has a cluster of its own, and whatever it opened is closed. */
import { randomBytes } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { Clock } from '../../../src/clock.js'
import { loadSettings, type Environment } from '../../../src/config/load-settings.js'
import { Settings } from '../../../src/config/settings.js'
import { JetStreamRoomLog } from '../../../src/log/jetstream/jetstream-room-log.js'
import { KvStateStore } from '../../../src/log/jetstream/kv-state-store.js'
import { LogStream } from '../../../src/log/jetstream/log-stream.js'
import { NatsLink } from '../../../src/log/jetstream/nats-link.js'
import { ManualClock } from '../../support/manual-clock.js'
import { NatsServer } from '../../support/nats-server.js'

export interface ClusterNode<OfClock extends Clock = ManualClock> {
  readonly link: NatsLink
  readonly stream: LogStream
  readonly state: KvStateStore
  readonly log: JetStreamRoomLog
  readonly clock: OfClock
  readonly settings: Settings
  /** Another node of the same cluster, with the same clock. */
  readonly sibling: (env?: Environment) => Promise<ClusterNode<OfClock>>
}

export interface ClusterNodes {
  readonly server: NatsServer
  readonly open: (env?: Environment) => Promise<ClusterNode>
}

/** For a whole file or a `describe`. */
export function clusterNodes(): ClusterNodes {
  let server: NatsServer | undefined
  const started = (): NatsServer => {
    if (server === undefined) throw new Error('the NATS server has not been started')
    return server
  }
  beforeAll(async () => {
    server = await NatsServer.start()
  })
  afterAll(() => server?.discard())
  return {
    get server() {
      return started()
    },
    open: (env = {}) =>
      openNode({ NESTWIRE_CLUSTER_URL: started().url, NESTWIRE_CLUSTER_NAME: newName(), ...env }, new ManualClock()),
  }
}

/** A cluster has them, whether or not anybody logs in. */
export const SHARED_SECRETS: Environment = {
  NESTWIRE_AUTH_SECRET: 'the secret of every test, which is no secret',
  NESTWIRE_TICKET_SECRET: 'the secret of every ticket, which is no secret',
}

export const newName = (): string => `t${randomBytes(8).toString('hex')}`

export async function openNode<OfClock extends Clock>(env: Environment, clock: OfClock): Promise<ClusterNode<OfClock>> {
  const settings = new Settings(loadSettings({ ...SHARED_SECRETS, ...env }))
  const link = await NatsLink.open(settings.current.cluster, 'test')
  onTestFinished(() => link.close())
  const state = await KvStateStore.open({ link, settings, clock })
  onTestFinished(() => state.close())
  const stream = await LogStream.open(link, settings)
  const log = new JetStreamRoomLog({ stream, state, settings, clock, isMine: () => true })
  onTestFinished(() => log.close())
  return { link, stream, state, log, clock, settings, sibling: (other = {}) => openNode({ ...env, ...other }, clock) }
}

/** How many messages a stream has. */
export async function storedIn(link: NatsLink, stream: string): Promise<number> {
  const manager = await jetstreamManager(link.connection, { checkAPI: false })
  return (await manager.streams.info(stream)).state.messages
}
