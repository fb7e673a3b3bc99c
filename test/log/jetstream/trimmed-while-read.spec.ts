/** A room that is full: with each record that comes the oldest goes, also in the middle of a read. */
import { describe, expect, test } from 'vitest'
import { trustedSeq } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes } from './cluster-nodes.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const HISTORY = 5
const plenty = { maxRecords: 100, maxBytes: 1_000_000 }

describe.skipIf(isNatsMissing)('a read after a record that is gone', () => {
  const nodes = clusterNodes()

  test('does not close the hole, though the oldest goes meanwhile', async () => {
    const { log, stream } = await nodes.open({ NESTWIRE_HISTORY_MAX_RECORDS: String(HISTORY) })
    const seqs: number[] = []
    for (let index = 0; index < 20; index += 1) seqs.push((await log.append(lobby, text(`m${index}`), 'normal')).seq)
    const gone = trustedSeq(seqs[2] ?? 0)
    const first = stream.first.bind(stream)
    stream.first = async (...asked) => {
      await log.append(lobby, text('one more'), 'normal')
      return first(...asked)
    }
    const [record] = await log.readAfter(lobby, gone, plenty)
    expect(record?.prev).toBe((record?.seq ?? 0) - 1)
    expect(record?.prev).toBeGreaterThan(gone)
  })
})
