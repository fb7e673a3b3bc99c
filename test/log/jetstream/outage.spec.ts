/** NATS is stopped, frozen or started anew under a node. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, test, vi } from 'vitest'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes } from './cluster-nodes.js'
import { RecordingFollower } from './recording-follower.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const plenty = { maxRecords: 1_000, maxBytes: 1_000_000 }
const unavailable = { failure: { code: 'LOG_UNAVAILABLE', retryAfterMs: 1_000 } }

describe.skipIf(isNatsMissing)('while NATS is away', () => {
  const nodes = clusterNodes()

  test('everything is refused at once, and goes on afterwards with what was there', async () => {
    const { log, link } = await nodes.open()
    const first = await log.append(lobby, text('before'), 'normal')
    await nodes.server.stop()
    await expect.poll(() => log.fault()).toContain('no connection to NATS')
    const asked = [
      log.append(lobby, text('refused'), 'normal'),
      log.readAfter(lobby, NO_SEQ, plenty),
      log.readBefore(lobby, first.seq, plenty),
      log.head(lobby),
      log.trim(lobby, first.seq),
      log.deleteRoom(lobby),
      log.follow(lobby, new RecordingFollower()),
    ]
    // At once: without a turn in which an answer could come.
    const refusals = await Promise.race([Promise.allSettled(asked), nextTurn()])
    expect(refusals).toMatchObject(asked.map(() => ({ status: 'rejected', reason: unavailable })))
    await nodes.server.restart()
    await expect.poll(() => link.fault()).toBeUndefined()
    const second = await log.append(lobby, text('after'), 'normal')
    const records = await log.readAfter(lobby, NO_SEQ, plenty)
    expect(records.map(({ body }) => body.toString())).toEqual(['before', 'after'])
    expect(records.map(({ seq, prev }) => [seq, prev])).toEqual([
      [first.seq, 0],
      [second.seq, first.seq],
    ])
  })

  test('a log that has lost its end takes nothing more until the node begins anew', async () => {
    const { log, link, stream, clock, sibling } = await nodes.open()
    for (const body of ['one', 'two', 'three']) await log.append(lobby, text(body), 'normal')
    clock.advance(30_000)
    const manager = await jetstreamManager(link.connection, { checkAPI: false })
    await manager.streams.delete(stream.name)
    const { log: fresh } = await sibling()
    await fresh.append(lobby, text('first'), 'normal')
    expect(log.fault()).toBeUndefined()
    const { timers } = clock
    clock.advance(30_000)
    await expect.poll(() => clock.timers).toBe(timers + 1)
    clock.advance(4_999)
    expect(clock.timers).toBe(timers + 1)
    clock.advance(1)
    expect(clock.timers).toBe(timers)
    await expect.poll(() => log.fault()).toContain('its log ends at 1, not at 3; restart this node')
    await expect(log.append(lobby, text('refused'), 'normal')).rejects.toMatchObject(unavailable)
    expect(fresh.fault()).toBeUndefined()
  })

  test('one answer of a server that is behind stops nothing', async () => {
    const { log, stream, clock } = await nodes.open()
    for (const body of ['one', 'two']) await log.append(lobby, text(body), 'normal')
    const end = vi.spyOn(stream, 'end').mockResolvedValueOnce(1)
    const { timers } = clock
    clock.advance(30_000)
    await expect.poll(() => clock.timers).toBe(timers + 1)
    expect(log.fault()).toBeUndefined()
    clock.advance(5_000)
    await expect.poll(() => end.mock.settledResults.at(1)).toMatchObject({ value: 2 })
    await log.append(lobby, text('three'), 'normal')
    expect(log.fault()).toBeUndefined()
    expect(clock.timers).toBe(timers)
  })

  test('what is on its way to a frozen server waits, and further appends are refused', async () => {
    const { log, clock } = await nodes.open()
    await log.append(lobby, text('before'), 'normal')
    nodes.server.freeze()
    const waiting = ['one', 'two'].map((body) => log.append(lobby, text(body), 'normal'))
    clock.advance(3_000)
    expect(log.fault()).toContain('does not acknowledge')
    await expect(log.append(lobby, text('refused'), 'normal')).rejects.toMatchObject(unavailable)
    nodes.server.thaw()
    await Promise.all(waiting)
    expect(log.fault()).toBeUndefined()
    const records = await log.readAfter(lobby, NO_SEQ, plenty)
    expect(records.map(({ body }) => body.toString())).toEqual(['before', 'one', 'two'])
  })

  test('an append without an answer is left open after 10 s', async () => {
    const { log, clock } = await nodes.open()
    nodes.server.freeze()
    const open = log.append(lobby, text('who knows'), 'normal')
    clock.advance(10_000)
    nodes.server.thaw()
    await expect(open).rejects.toMatchObject({ failure: { code: 'COMMIT_FAILED' } })
  })

  test('a log that is closed then does not wait for it', async () => {
    const { log } = await nodes.open()
    await nodes.server.stop()
    await expect.poll(() => log.fault()).toContain('no connection')
    await log.close()
    expect(log.fault()).toContain('closed')
    await nodes.server.restart()
  })
})
