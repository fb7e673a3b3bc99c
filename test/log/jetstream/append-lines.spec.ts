/** Who acknowledges is the test: it subscribes to what the stream would. */
import { randomUUID } from 'node:crypto'
import type { Msg } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AppendLines } from '../../../src/log/jetstream/append-lines.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, newName } from './cluster-nodes.js'

describe.skipIf(isNatsMissing)('appends of many rooms', () => {
  const nodes = clusterNodes()

  async function start() {
    const { link, clock } = await nodes.open()
    const lines = new AppendLines(link, clock)
    const prefix = newName()
    const unanswered: Msg[] = []
    link.connection.subscribe(`${prefix}.*`, { callback: (_error, message) => void unanswered.push(message) })
    let seq = 0
    const acknowledge = (room: string): void => {
      const ours = unanswered.filter(({ subject }) => subject === `${prefix}.${room}`)
      for (const message of ours) message.respond(JSON.stringify({ stream: 'test', seq: (seq += 1) }))
    }
    const append = (room: string) =>
      lines.append({ subject: `${prefix}.${room}`, id: randomUUID(), payload: Buffer.from(room) })
    onTestFinished(() => lines.close())
    return { lines, clock, append, acknowledge, unanswered }
  }

  test('one that is not acknowledged for 3 s is a fault, though another that began before it goes on', async () => {
    const { lines, clock, append, acknowledge, unanswered } = await start()
    const busy = append('busy')
    const stuck = append('stuck')
    await expect.poll(() => unanswered).toHaveLength(2)
    clock.advance(1_500)
    const next = append('busy')
    acknowledge('busy')
    await busy
    clock.advance(1_499)
    expect(lines.fault()).toBeUndefined()
    clock.advance(1)
    expect(lines.fault()).toContain('does not acknowledge')
    acknowledge('stuck')
    await stuck
    expect(lines.fault()).toBeUndefined()
    acknowledge('busy')
    await next
  })
})
