/**
 * What a node of a cluster pays for rooms in which it has nobody: it knows all members of all rooms. The memberships are
 * written as another node would, many at once; how many are under way bounds how fast.
 *
 * heardPerSecond: from the first write until the node answers with the last one. heardCpuUs: its processor time for each.
 * bytesPerMembership: memory of a node that starts then, more than of one that started without; grownBytesPerMembership: of
 * the one that heard of all of them while it ran. startMs, startEmptyMs: from spawning such a node until it listens.
 * storedBytesPerMembership: in NATS.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { issueToken } from '../../src/auth/token-issuer.js'
import { connect, type ChatClient } from '../../src/client/chat-client.js'
import { systemClock } from '../../src/clock.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { KvStateStore } from '../../src/log/jetstream/kv-state-store.js'
import { NatsLink } from '../../src/log/jetstream/nats-link.js'
import type { StateEntry } from '../../src/log/state-store.js'
import { parseUserId } from '../../src/protocol/ids.js'
import { encodeMemberValue, encodeRoomValue } from '../../src/rooms/room-values.js'
import { isBrokerInstalled, startBroker } from '../broker-process.js'
import { readUsage } from '../process-usage.js'
import { ServerPlace, type ServerRun } from '../server-process.js'
import { spread } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'

interface Params {
  readonly rooms: number
  readonly membersPerRoom: number
  readonly rounds: number
}

const FULL: Params = { rooms: 1_000, membersPerRoom: 100, rounds: 3 }
const QUICK: Params = { ...FULL, rooms: 200, rounds: 1 }
const UNDER_WAY = 512
/** Until what the start left behind is collected, as far as it ever is. */
const SETTLE_MS = 2_000
const POLL_MS = 10
const TOKEN_TTL_SECONDS = 600

export const state: Suite = {
  question: 'members of rooms of other nodes: memory for each, how many joins a second are heard of, ms to start',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const { rooms, membersPerRoom, rounds } = params
    const row = { name: OURS, memberships: rooms * membersPerRoom, rooms }
    if (!isBrokerInstalled('nats')) return { params: { ...params }, rows: [missing(row)], ratios: {}, failures: [] }
    const broker = await startBroker('nats')
    try {
      const figures: Figures[] = []
      for (let round = 1; round <= rounds; round += 1) {
        progress(`round ${round} of ${rounds}: ${row.memberships} memberships`)
        figures.push(await measure(`nats://127.0.0.1:${broker.port}`, params))
      }
      return {
        params: { ...params, underWay: UNDER_WAY },
        rows: [{ ...row, ...spread(figures) }],
        ratios: {},
        failures: [],
      }
    } finally {
      await broker.close()
    }
  },
}

const missing = (row: Row): Row => ({ ...row, missing: 'not installed: npm run setup' })

interface Figures {
  readonly heardPerSecond: number
  readonly heardCpuUs: number
  readonly bytesPerMembership: number
  readonly grownBytesPerMembership: number
  readonly startMs: number
  readonly startEmptyMs: number
  readonly storedBytesPerMembership: number
}

/** A cluster of its own. */
async function measure(url: string, params: Params): Promise<Figures> {
  const settings = {
    NESTWIRE_CLUSTER_URL: url,
    NESTWIRE_CLUSTER_NAME: `state-${randomBytes(6).toString('hex')}`,
    NESTWIRE_AUTH_SECRET: randomBytes(32).toString('hex'),
    NESTWIRE_TICKET_SECRET: randomBytes(32).toString('hex'),
  }
  const memberships = params.rooms * params.membersPerRoom
  const node = await startNode(settings)
  try {
    const before = readUsage(node.run.pid)
    const { elapsedMs, storedBytes } = await tellOf(node.client, settings, params)
    const after = readUsage(node.run.pid)
    await pause(SETTLE_MS)
    const grownKb = readUsage(node.run.pid).rssKb
    const next = await startNode(settings)
    try {
      const bytesMore = (rssKb: number): number => ((rssKb - before.rssKb) * 1_024) / memberships
      return {
        heardPerSecond: (memberships * 1_000) / elapsedMs,
        heardCpuUs: ((after.cpuMs - before.cpuMs) * 1_000) / memberships,
        bytesPerMembership: bytesMore(readUsage(next.run.pid).rssKb),
        grownBytesPerMembership: bytesMore(grownKb),
        startMs: next.startMs,
        startEmptyMs: node.startMs,
        storedBytesPerMembership: storedBytes / memberships,
      }
    } finally {
      await next.close()
    }
  } finally {
    await node.close()
  }
}

interface Node {
  readonly run: ServerRun
  readonly client: ChatClient
  readonly startMs: number
  close(): Promise<void>
}

/** Resolves when it has settled. */
async function startNode(settings: Readonly<Record<string, string>>): Promise<Node> {
  const place = await ServerPlace.make({ settings, port: 0 })
  try {
    const startedMs = performance.now()
    const run = place.run()
    const port = await run.listening
    const startMs = performance.now() - startedMs
    const who = { user: 'observer', role: 'service', ttlSeconds: TOKEN_TTL_SECONDS } as const
    const token = await issueToken(who, settings['NESTWIRE_AUTH_SECRET'] ?? '')
    const client = await connect({ host: '127.0.0.1', port, token })
    await pause(SETTLE_MS)
    return { run, client, startMs, close: () => client.close().then(() => place.close()) }
  } catch (error) {
    await place.close()
    throw error
  }
}

/** Writes all of it, and waits until the node of `client` has heard of the last one. */
async function tellOf(
  client: ChatClient,
  env: Readonly<Record<string, string>>,
  { rooms, membersPerRoom }: Params,
): Promise<{ readonly elapsedMs: number; readonly storedBytes: number }> {
  const settings = new Settings(loadSettings(env))
  const link = await NatsLink.open(settings.current.cluster, 'bench')
  const store = await KvStateStore.open({ link, settings, clock: systemClock })
  try {
    const startedMs = performance.now()
    const underWay = new Set<Promise<void>>()
    for (const { key, value } of entriesOf(rooms, membersPerRoom)) {
      if (underWay.size === UNDER_WAY) await Promise.race(underWay)
      const write = store.put(key, value)
      underWay.add(write)
      void write.finally(() => underWay.delete(write))
    }
    await Promise.all(underWay)
    while (!(await hears(client, nameOf('room', rooms - 1), membersPerRoom))) await pause(POLL_MS)
    const elapsedMs = performance.now() - startedMs
    const manager = await jetstreamManager(link.connection, { checkAPI: false })
    const { state } = await manager.streams.info(store.streamName)
    return { elapsedMs, storedBytes: state.bytes }
  } finally {
    await store.close()
    await link.close()
  }
}

const nameOf = (kind: string, number: number): string => `${kind}-${String(number).padStart(6, '0')}`

function* entriesOf(rooms: number, membersPerRoom: number): Iterable<StateEntry> {
  const nowMs = Date.now()
  for (let room = 0; room < rooms; room += 1) {
    const [name, incarnation] = [nameOf('room', room), room + 1]
    const users = Array.from({ length: membersPerRoom }, (_, index) => nameOf('user', room * membersPerRoom + index))
    const owner = parseUserId(users[0] ?? '')
    if (owner === undefined) throw new Error('a room has members')
    yield { key: ['room', name], value: encodeRoomValue({ incarnation, createdAtMs: nowMs, owner }) }
    for (const user of users) {
      yield {
        key: ['member', name, user],
        value: encodeMemberValue({ incarnation, joinedAtMs: nowMs, username: user }),
      }
    }
  }
}

/** Whether the node knows that the room has so many members. */
async function hears(client: ChatClient, room: string, members: number): Promise<boolean> {
  const info = await client.request('rooms.info', { room }).catch(() => undefined)
  return typeof info === 'object' && info !== null && 'members' in info && info.members === members
}
