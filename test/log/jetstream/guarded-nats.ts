/** NATS servers that do not let everybody in, and nodes that try. All of it ends with the test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { Environment } from '../../../src/config/load-settings.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { ManualClock } from '../../support/manual-clock.js'
import { NatsServer } from '../../support/nats-server.js'
import { newName, openNode, type ClusterNode } from './cluster-nodes.js'

export const NO_SUCH_FILE = join(tmpdir(), 'nestwire-no-such-file')

export async function startServer(...extra: readonly string[]): Promise<NatsServer> {
  const server = await NatsServer.start(extra)
  onTestFinished(() => server.discard())
  return server
}

/** By its address, unless `env` has another URL. */
export const openAt = (server: NatsServer, env: Environment): Promise<ClusterNode> =>
  openNode({ NESTWIRE_CLUSTER_URL: server.url, NESTWIRE_CLUSTER_NAME: newName(), ...env }, new ManualClock())

/** What the start of such a node ends with. */
export async function problemAt(server: NatsServer, env: Environment): Promise<string> {
  const failure: unknown = await openAt(server, env).catch((error: unknown) => error)
  expect(failure).toMatchObject({ name: 'StartUpError' })
  return failure instanceof Error ? failure.message : ''
}

/** Rejects if the node cannot write to its log. Returns the record's seq. */
export async function append({ log }: ClusterNode): Promise<number> {
  const hello = { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from('hello') }
  return (await log.append(roomId('lobby'), hello, 'normal')).seq
}

export async function fileWith(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestwire-nats-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'file')
  await writeFile(path, content)
  return path
}
