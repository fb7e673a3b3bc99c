/** Members that are behind read on from the log: at a pace that harms nobody, and by themselves when the log failed. */
import { describe, expect, test } from 'vitest'
import { RecordingConnection } from './recording-connection.js'
import { roomId } from './names.js'
import { from1To, lobby, seqs, startLobby, startRouter } from './router-stack.js'
import { NO_SEQ } from '../../src/protocol/ids.js'
import { expectChain } from '../support/room-chain.js'

const RETRY_MS = 1_000
const READS_AT_A_TIME = 4

type Stack = Awaited<ReturnType<typeof startLobby>>

/** The log's reads, counted, and refused while it is broken. */
function watchLog({ log }: Stack) {
  const reads = { all: 0, underWay: 0, most: 0, isBroken: false }
  const readAfter = log.readAfter.bind(log)
  log.readAfter = async (...wanted) => {
    reads.all += 1
    reads.underWay += 1
    reads.most = Math.max(reads.most, reads.underWay)
    await new Promise(setImmediate)
    reads.underWay -= 1
    if (reads.isBroken) throw new Error('the disk is away')
    return readAfter(...wanted)
  }
  return reads
}

/** A room in which so much was said, nobody in it. With `msPerLook` 0 reads and offers take no time. */
async function startRoomWith(records: number, msPerLook?: number) {
  const stack = await startLobby(0, {}, msPerLook)
  const reads = watchLog(stack)
  const from = await stack.log.head(lobby)
  for (let n = 0; n < records; n += 1) await stack.say(`m${n}`)
  await stack.tick.settle()
  return { ...stack, reads, from }
}

/** So many members, each one record further behind than the one before; nobody says anything any more. */
function attachBehind({ router, from }: Awaited<ReturnType<typeof startRoomWith>>, count: number) {
  return Array.from({ length: count }, (_, behind) => {
    const connection = new RecordingConnection()
    return { connection, start: router.attach(lobby, connection, (from.seq + behind) as never) }
  })
}

describe('a read that fails', () => {
  test('is tried again in a quiet room until the log answers, once and in order', async () => {
    const stack = await startRoomWith(3)
    const { router, tick, clock, reads } = stack
    reads.isBroken = true
    const [slow] = attachBehind(stack, 1)
    await tick.settle()
    for (let seconds = 1; seconds <= 5; seconds += 1) {
      expect([reads.all, router.unreadMembers, clock.timers]).toEqual([seconds, 1, 1])
      clock.advance(RETRY_MS)
      await tick.settle()
    }
    reads.isBroken = false
    expect(slow?.connection.frames).toEqual([])
    clock.advance(RETRY_MS)
    await tick.settle()
    expect(seqs(slow?.connection.records ?? [])).toEqual(from1To(3))
    expect([router.laggingConnections, router.unreadMembers, clock.timers]).toEqual([0, 0, 0])
  })

  test('loses nothing and repeats nothing, whatever is said meanwhile', async () => {
    const stack = await startRoomWith(3)
    const { router, tick, clock, reads, say } = stack
    reads.isBroken = true
    const slow = attachBehind(stack, 3)
    const live = new RecordingConnection()
    const liveFrom = router.attach(lobby, live)
    await tick.settle()
    for (let n = 4; n <= 6; n += 1) {
      await say(`m${n}`)
      await tick.settle()
      clock.advance(RETRY_MS)
      await tick.settle()
    }
    expect(expectChain(live, liveFrom)).toBe(6)
    reads.isBroken = false
    clock.advance(RETRY_MS)
    await tick.settle()
    for (const { connection, start } of slow) expect(expectChain(connection, start)).toBe(6)
    await say('m7')
    await tick.settle()
    for (const { connection, start } of slow) expect(expectChain(connection, start)).toBe(7)
    expect([router.laggingConnections, router.unreadMembers, clock.timers]).toEqual([0, 0, 0])
  })

  test('is tried again for as many at a time as read the log at a time, on one timer for all', async () => {
    const stack = await startRoomWith(500, 0)
    const { router, tick, clock, reads } = stack
    reads.isBroken = true
    const slow = attachBehind(stack, 500)
    await tick.settle()
    for (let seconds = 1; seconds <= 3; seconds += 1) {
      const before = reads.all
      clock.advance(RETRY_MS)
      await tick.settle()
      expect([reads.all - before, clock.timers]).toEqual([READS_AT_A_TIME, 1])
    }
    reads.isBroken = false
    clock.advance(RETRY_MS)
    await tick.settle()
    for (const { connection, start } of slow) expect(expectChain(connection, start)).toBe(500)
    expect([reads.most, router.laggingConnections, clock.timers]).toEqual([READS_AT_A_TIME, 0, 0])
  })

  test('is not tried again for those who left', async () => {
    const stack = await startRoomWith(3)
    const { router, tick, clock, reads } = stack
    reads.isBroken = true
    const slow = attachBehind(stack, 3)
    // Without anybody the room itself would wait for its end.
    router.attach(lobby, new RecordingConnection())
    await tick.settle()
    const before = reads.all
    for (const { connection } of slow) router.detach(lobby, connection)
    expect([router.laggingConnections, router.unreadMembers, clock.timers]).toEqual([0, 0, 0])
    clock.advance(10 * RETRY_MS)
    await tick.settle()
    expect(reads.all).toBe(before)
  })

  test('is not tried sooner because the connection has room', async () => {
    const stack = await startRoomWith(3)
    const { router, tick, reads } = stack
    reads.isBroken = true
    const [slow] = attachBehind(stack, 1)
    await tick.settle()
    for (let n = 0; n < 5; n += 1) {
      if (slow !== undefined) router.connectionWritable(slow.connection)
      await tick.settle()
    }
    expect(reads.all).toBe(1)
  })
})

describe('a thousand at a thousand places', () => {
  const CURSORS = 1_000
  /** To decode what all of them got takes seconds. */
  const everyFiftieth = <T>(all: readonly T[]): readonly T[] => all.filter((_, index) => index % 50 === 0)

  test('read four at a time, and all come up', async () => {
    const stack = await startRoomWith(CURSORS, 0)
    const slow = attachBehind(stack, CURSORS)
    stack.tick.end()
    expect(stack.router.catchUpReads).toBe(READS_AT_A_TIME)
    await stack.tick.settle()
    expect(stack.router.catchUpReads).toBe(0)
    for (const { connection, start } of everyFiftieth(slow)) expect(expectChain(connection, start)).toBe(CURSORS)
    expect([stack.reads.most, stack.reads.all]).toEqual([READS_AT_A_TIME, CURSORS])
    expect(stack.router.laggingConnections).toBe(0)
  })

  test('leave each message to the others its own turn, and begin four reads in it at most', async () => {
    const stack = await startRoomWith(CURSORS, 0)
    const { router, tick, say, reads } = stack
    const live = new RecordingConnection()
    const liveFrom = router.attach(lobby, live)
    const slow = attachBehind(stack, CURSORS)
    for (let n = 1; n <= 50; n += 1) {
      await say('to those who listen')
      const before = reads.all
      tick.end()
      expect(live.frames).toHaveLength(n)
      expect(reads.all - before).toBeLessThanOrEqual(READS_AT_A_TIME)
      await new Promise(setImmediate)
    }
    expect(reads.all).toBeLessThan(CURSORS)
    await tick.settle()
    expect(expectChain(live, liveFrom)).toBe(CURSORS + 50)
    for (const { connection, start } of everyFiftieth(slow)) expect(expectChain(connection, start)).toBe(CURSORS + 50)
    expect([reads.most, router.laggingConnections]).toEqual([READS_AT_A_TIME, 0])
  })
})

describe('a chunk', () => {
  const CHUNKS_KEPT = 64
  const RECORDS = 1_024

  /** Somebody comes up from each of these places; returns how often the log was read for them. */
  async function readsOf(stack: Awaited<ReturnType<typeof startRoomWith>>, places: readonly number[]): Promise<number> {
    const before = stack.reads.all
    for (const place of places) stack.router.attach(lobby, new RecordingConnection(), place as never)
    await stack.tick.settle()
    return stack.reads.all - before
  }
  const places = from1To(CHUNKS_KEPT).map((place) => place - 1)

  test('is kept for the next at its place, as one of 64', async () => {
    const stack = await startRoomWith(100)
    // Somebody is behind all the time: else nothing would be kept.
    stack.router.attach(lobby, new RecordingConnection(0), 0 as never)
    expect(await readsOf(stack, places)).toBe(CHUNKS_KEPT)
    expect(await readsOf(stack, places)).toBe(0)
    expect(await readsOf(stack, [CHUNKS_KEPT])).toBe(1)
    expect(await readsOf(stack, [1])).toBe(0)
    expect(await readsOf(stack, [0])).toBe(1)
    expect(await readsOf(stack, [2])).toBe(0)
    expect(await readsOf(stack, [1])).toBe(1)
    expect(stack.router.catchUpChunks).toBe(CHUNKS_KEPT)
  })

  test('is not kept when nobody is behind any more', async () => {
    const stack = await startRoomWith(3)
    expect(await readsOf(stack, [0, 0, 0])).toBe(1)
    expect(stack.router.catchUpChunks).toBe(0)
    expect(await readsOf(stack, [0])).toBe(1)
  })

  test.each([
    [RECORDS, 1],
    [RECORDS + 1, 2],
  ])('of %i records takes %i reads', async (records, reads) => {
    expect(await readsOf(await startRoomWith(records), [0])).toBe(reads)
  })
})

describe('the event loop', () => {
  /** A log that answers while it is asked, as LMDB does; each read takes a millisecond. */
  async function startWithBusyLog(cursors: number) {
    let nowMs = 0
    const stack = await startLobby(0, {}, () => nowMs)
    for (let n = 0; n < cursors; n += 1) await stack.say(`m${n}`)
    await stack.tick.settle()
    const reads = { all: 0 }
    const readAfter = stack.log.readAfter.bind(stack.log)
    stack.log.readAfter = (...wanted) => {
      reads.all += 1
      nowMs += 1
      return readAfter(...wanted)
    }
    return { ...stack, reads }
  }

  test('has its turn after each read that took long', async () => {
    const { router, tick, reads } = await startWithBusyLog(100)
    const slow = from1To(100).map((n) => {
      const connection = new RecordingConnection()
      return { connection, start: router.attach(lobby, connection, (n - 1) as never) }
    })
    for (let turn = 1; turn <= 50; turn += 1) {
      tick.end()
      // Microtasks run between two tasks of one phase, too.
      await new Promise(setImmediate)
      expect(reads.all).toBeLessThanOrEqual(turn)
    }
    await tick.settle()
    for (const { connection, start } of slow) expect(expectChain(connection, start)).toBe(100)
  })
})

describe('a connection that is behind in many rooms', () => {
  const env = { NESTWIRE_MAX_FRAME_BYTES: '4096', NESTWIRE_MAX_MESSAGE_BYTES: '1024' }

  test('hears a quiet one though two busy ones outrun it', async () => {
    const { router, say, tick } = startRouter(env)
    const slow = new RecordingConnection(2)
    for (const [name, count] of [
      ['a', 300],
      ['b', 300],
      ['quiet', 1],
    ] as const) {
      await router.open(roomId(name))
      for (let n = 0; n < count; n += 1) await say(Buffer.alloc(1_000), 'normal', roomId(name))
      router.attach(roomId(name), slow, NO_SEQ)
    }
    for (let round = 0; round < 10; round += 1) {
      await tick.settle()
      slow.read()
      router.connectionWritable(slow)
    }
    await tick.settle()
    expect(slow.packets.some((packet) => packet.kind === 'deliver' && packet.room === 'quiet')).toBe(true)
  })

  test('has one chunk read at a time', async () => {
    const { router, say, tick, log } = startRouter(env)
    const slow = new RecordingConnection()
    const reads = { underWay: 0, most: 0 }
    const readAfter = log.readAfter.bind(log)
    log.readAfter = async (...wanted) => {
      reads.underWay += 1
      reads.most = Math.max(reads.most, reads.underWay)
      await new Promise(setImmediate)
      reads.underWay -= 1
      return readAfter(...wanted)
    }
    for (const name of ['a', 'b', 'c']) {
      await router.open(roomId(name))
      for (let n = 0; n < 10; n += 1) await say(Buffer.alloc(1_000), 'normal', roomId(name))
      router.attach(roomId(name), slow, NO_SEQ)
    }
    await tick.settle()
    expect([reads.most, router.laggingConnections]).toEqual([1, 0])
    expect(slow.records).toHaveLength(30)
  })
})

describe('a read that finds nothing', () => {
  test('is no gap where something was committed since', async () => {
    const stack = await startLobby(0)
    const from = await stack.log.head(lobby)
    const readAfter = stack.log.readAfter.bind(stack.log)
    let reads = 0
    // As a log that others append to: nothing is there yet, and then it is.
    stack.log.readAfter = (...wanted) => ((reads += 1) === 1 ? Promise.resolve([]) : readAfter(...wanted))
    for (let n = 0; n < 3; n += 1) await stack.say(`m${n}`)
    await stack.tick.settle()
    const connection = new RecordingConnection()
    stack.router.attach(lobby, connection, from.seq)
    await stack.tick.settle()
    expect(seqs(connection.records)).toEqual(from1To(3))
    expect(connection.packets.map(({ kind }) => kind)).toEqual(['deliver'])
  })
})
