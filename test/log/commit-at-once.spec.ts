/** A commit begins at once, not when the event loop has its next turn: that may be a slice of a broadcast away. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { commitBegins, openLog } from './open-logs.js'

const PATIENCE_MS = 2_000

test('the disk is written to while the event loop is busy', async () => {
  const { log, folder } = await openLog()
  const record = { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from('hi') }
  await log.append(roomId('lobby'), record)
  const writtenAt = () => statSync(join(folder, 'data.mdb'), { bigint: true }).mtimeNs
  const before = writtenAt()
  const append = log.append(roomId('lobby'), record)
  await commitBegins()
  const busyUntilMs = performance.now() + PATIENCE_MS
  while (writtenAt() === before && performance.now() < busyUntilMs) {
    // no turn of the event loop
  }
  expect(writtenAt()).toBeGreaterThan(before)
  await append
})
