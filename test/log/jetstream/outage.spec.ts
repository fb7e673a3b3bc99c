/** NATS is stopped, frozen or started anew under a node. */
import { describe, expect, test } from 'vitest'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes } from './cluster-nodes.js'

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
    const startMs = performance.now()
    await expect(log.append(lobby, text('refused'), 'normal')).rejects.toMatchObject(unavailable)
    await expect(log.readAfter(lobby, NO_SEQ, plenty)).rejects.toMatchObject(unavailable)
    await expect(log.readBefore(lobby, first.seq, plenty)).rejects.toMatchObject(unavailable)
    await expect(log.head(lobby)).rejects.toMatchObject(unavailable)
    await expect(log.trim(lobby, first.seq)).rejects.toMatchObject(unavailable)
    await expect(log.deleteRoom(lobby)).rejects.toMatchObject(unavailable)
    await expect(log.follow(lobby, { committed: () => undefined, reaches: () => undefined })).rejects.toMatchObject(
      unavailable,
    )
    expect(performance.now() - startMs).toBeLessThan(500)
    await nodes.server.restart()
    await expect.poll(() => link.fault(), { timeout: 10_000 }).toBeUndefined()
    const second = await log.append(lobby, text('after'), 'normal')
    const records = await log.readAfter(lobby, NO_SEQ, plenty)
    expect(records.map(({ body }) => body.toString())).toEqual(['before', 'after'])
    expect(records.map(({ seq, prev }) => [seq, prev])).toEqual([
      [first.seq, 0],
      [second.seq, first.seq],
    ])
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
