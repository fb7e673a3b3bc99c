/** The stream knows ids of all rooms and senders together; ours are hashes, so nobody suppresses anybody. */
import { describe, expect, test } from 'vitest'
import { appendId, randomAppendId } from '../../../src/log/jetstream/append-id.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes } from './cluster-nodes.js'
import { followLive, RecordingFollower } from './recording-follower.js'

const [lobby, attic] = [roomId('lobby'), roomId('attic')]
const [alice, bob] = [userId('alice'), userId('bob')]
const messageId = Buffer.alloc(16, 7)
const message = (sender = alice, ageMs?: number) => ({
  kind: RecordKind.Text,
  sender,
  body: Buffer.from('hello'),
  id: { messageId, ...(ageMs === undefined ? {} : { ageMs }) },
})

describe('ids of appends', () => {
  test('are of one sender, one subject and one message', () => {
    const ids = [
      appendId('n.log.a.0', alice, messageId),
      appendId('n.log.a.1', alice, messageId),
      appendId('n.log.b.0', alice, messageId),
      appendId('n.log.a.0', bob, messageId),
      appendId('n.log.a.0', alice, Buffer.alloc(16, 8)),
      randomAppendId(),
      randomAppendId(),
    ]
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id) => !/^[\w-]{24}$/.test(id))).toEqual([])
  })
})

describe.skipIf(isNatsMissing)('a message that comes again', () => {
  const nodes = clusterNodes()

  test('to another node is answered with the place and time of the first', async () => {
    const { log: here, clock, sibling } = await nodes.open()
    const { log: there } = await sibling()
    const { seq, timeMs } = await here.append(lobby, message(), 'normal')
    clock.advance(5_000)
    expect(await there.append(lobby, message(alice, 5_000), 'normal')).toEqual({ isRepeat: true, seq, timeMs })
    expect(await there.head(lobby)).toMatchObject({ seq })
  })

  test('is known on a node that saw it live, without asking', async () => {
    const { log: here, sibling } = await nodes.open()
    const { log: there } = await sibling()
    await followLive(there, lobby, new RecordingFollower())
    const { seq, timeMs } = await here.append(lobby, message(), 'normal')
    await expect.poll(() => there.repeatOf(lobby, alice, messageId)).toBeDefined()
    expect(await there.repeatOf(lobby, alice, messageId)).toEqual({ isRepeat: true, seq, timeMs })
  })

  test('from another sender or in another room is another one', async () => {
    const { log: here, sibling } = await nodes.open()
    const { log: there } = await sibling()
    const all = [
      await here.append(lobby, message(), 'normal'),
      await there.append(lobby, message(bob), 'normal'),
      await there.append(attic, message(), 'normal'),
    ]
    expect(all.map(({ isRepeat }) => isRepeat)).toEqual([false, false, false])
  })

  test('is known after all nodes and servers were started again', async () => {
    const { log, link, sibling } = await nodes.open()
    const { seq } = await log.append(lobby, message(), 'normal')
    await nodes.server.stop()
    await nodes.server.restart()
    await expect.poll(() => link.fault()).toBeUndefined()
    const { log: later } = await sibling()
    expect(await later.append(lobby, message(alice, 1_000), 'normal')).toMatchObject({ isRepeat: true, seq })
  })
})
