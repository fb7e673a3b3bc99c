/** Who follows a room hears what is committed, in order, and before whoever appended it. */
import { expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import type { Urgency } from '../../src/log/room-log.js'
import { SoleWriter } from '../../src/log/sole-writer.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { ManualClock } from '../support/manual-clock.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })

function startWriter() {
  const clock = new ManualClock()
  const log = new MemoryRoomLog(new Settings(loadSettings({})), clock)
  const writer = new SoleWriter(log, clock)
  const heard: string[] = []
  const listener = (name: string) => ({
    committed: ({ body, seq }: { body: Buffer; seq: number }, urgency: Urgency) =>
      void heard.push(`${name}: ${seq} ${body.toString()} ${urgency}`),
    reaches: (seq: number) => void heard.push(`${name}: to ${seq}`),
    restarted: () => void heard.push(`${name}: restarted`),
  })
  return { log, writer, heard, listener }
}

test('a follower hears of a record before its ACK', async () => {
  const { writer, heard, listener } = startWriter()
  await writer.follow(lobby, listener('feed'))
  const placed = writer.append(lobby, text('hi'), 'degraded').then(({ seq }) => heard.push(`ack ${seq}`))
  await placed
  expect(heard).toEqual(['feed: 1 hi degraded', 'ack 1'])
})

test('a repeat is told to nobody', async () => {
  const { writer, heard, listener } = startWriter()
  await writer.follow(lobby, listener('feed'))
  const message = { ...text('hi'), id: { messageId: Buffer.alloc(16, 1) } }
  expect(await writer.append(lobby, message, 'normal')).toMatchObject({ isRepeat: false, seq: 1 })
  expect(await writer.append(lobby, message, 'normal')).toMatchObject({ isRepeat: true, seq: 1 })
  expect(heard).toHaveLength(1)
})

test('what was appended to a room is not told to who follows a later one of its name', async () => {
  const { writer, heard, listener } = startWriter()
  const unfollow = await writer.follow(lobby, listener('old'))
  const placed = writer.append(lobby, text('late'), 'normal')
  unfollow()
  await writer.follow(lobby, listener('new'))
  await placed
  expect(heard).toEqual([])
})

test('nobody is told after the end', async () => {
  const { writer, heard, listener } = startWriter()
  const unfollow = await writer.follow(lobby, listener('feed'))
  unfollow()
  unfollow()
  await writer.append(lobby, text('hi'), 'normal')
  expect(heard).toEqual([])
})
