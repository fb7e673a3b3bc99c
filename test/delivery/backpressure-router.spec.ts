import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { GapReason } from '../../src/protocol/packets.js'
import { refusal } from '../rooms/room-stack.js'
import { roomId } from './names.js'
import { RecordingConnection } from './recording-connection.js'
import { from1To, lobby, seqs, startLobby, startRouter } from './router-stack.js'

describe('one batch a room and round', () => {
  test.each([1, 10, 500])('encodes one frame for %i members', async (count) => {
    const { say, members, tick } = await startLobby(count)
    for (let index = 0; index < 20; index += 1) await say(`m${index}`)
    await tick.settle()
    expect(new Set(members.flatMap(({ frames }) => frames)).size).toBe(1)
    for (const member of members) expect(member.frames).toHaveLength(1)
    expect(members[0]?.records.map(({ body }) => body.toString())).toEqual(from1To(20).map((n) => `m${n - 1}`))
  })

  test('delivers nothing before the end of the tick', async () => {
    const { say, members, tick } = await startLobby(1)
    await say('hi')
    expect(members[0]?.frames).toEqual([])
    tick.end()
    expect(members[0]?.records).toHaveLength(1)
  })

  test('asks for one turn of the loop for many rooms, and for none when all is said', async () => {
    const { router, say, tick } = startRouter()
    for (const name of ['a', 'b', 'c']) {
      await router.open(roomId(name))
      router.attach(roomId(name), new RecordingConnection())
      await say('hi', 'normal', roomId(name))
    }
    expect(tick.waiting).toBe(1)
    await tick.settle()
    expect(tick.waiting).toBe(0)
  })

  test('yields in the middle of a large room and goes on', async () => {
    const { say, members, tick } = await startLobby(2_000)
    await say('hi')
    tick.end()
    const served = members.filter(({ frames }) => frames.length > 0).length
    expect(served).toBeGreaterThan(0)
    expect(served).toBeLessThan(2_000)
    await tick.settle()
    expect(members.every(({ frames }) => frames.length === 1)).toBe(true)
  })

  test('merges what arrives while a room is being served into its next batch', async () => {
    const { say, members, tick } = await startLobby(2_000)
    await say('first')
    tick.end()
    await say('second')
    await say('third')
    await tick.settle()
    for (const { frames, records } of members) {
      expect(frames).toHaveLength(2)
      expect(seqs(records)).toEqual([1, 2, 3])
    }
  })

  test('serves a small room while a large one is in the middle', async () => {
    const { router, say, members, tick } = await startLobby(2_000)
    const small = new RecordingConnection()
    await router.open(roomId('small'))
    router.attach(roomId('small'), small)
    await say('to everybody')
    tick.end()
    await say('to one', 'normal', roomId('small'))
    tick.end()
    tick.end()
    expect(small.records).toHaveLength(1)
    expect(members.some(({ frames }) => frames.length === 0)).toBe(true)
    await tick.settle()
  })

  test('splits a batch at the frame limit, in order', async () => {
    const env = { NESTWIRE_MAX_FRAME_BYTES: '4096', NESTWIRE_MAX_MESSAGE_BYTES: '3072' }
    const { say, members, tick } = await startLobby(3, env)
    for (let index = 0; index < 5; index += 1) await say(Buffer.alloc(1500))
    await tick.settle()
    expect(new Set(members.flatMap(({ frames }) => frames)).size).toBe(3)
    for (const { records } of members) expect(seqs(records)).toEqual([1, 2, 3, 4, 5])
  })

  test('delivers what was admitted before the frame limit sank', async () => {
    const { say, members, settings, tick } = await startLobby(1)
    await say(Buffer.alloc(30_000))
    settings.swap(loadSettings({ NESTWIRE_MAX_FRAME_BYTES: '4096', NESTWIRE_MAX_MESSAGE_BYTES: '3072' }))
    await tick.settle()
    expect(members[0]?.records).toHaveLength(1)
  })
})

describe('attach and detach', () => {
  test('starts deliveries exactly after the returned position', async () => {
    const { router, say, members, tick } = await startLobby(1)
    await say('before')
    const newcomer = new RecordingConnection()
    expect(router.attach(lobby, newcomer).seq).toBe(1)
    await say('after')
    await tick.settle()
    expect(seqs(newcomer.records)).toEqual([2])
    expect(newcomer.records[0]?.prev).toBe(1)
    expect(seqs(members[0]?.records ?? [])).toEqual([1, 2])
  })

  test('attaching twice delivers once', async () => {
    const { router, say, members, tick } = await startLobby(1)
    for (const member of members) router.attach(lobby, member)
    await say('hi')
    await tick.settle()
    expect(members[0]?.records).toHaveLength(1)
  })

  test('offers nothing after a detach', async () => {
    const { router, say, members, tick } = await startLobby(2)
    const [gone, stays] = members
    await say('hi')
    if (gone !== undefined) router.detach(lobby, gone)
    await tick.settle()
    expect(gone?.frames).toEqual([])
    expect(stays?.records).toHaveLength(1)
  })

  test('refuses to attach to a room that is not open', () => {
    const { router } = startRouter()
    expect(() => router.attach(lobby, new RecordingConnection())).toThrow('not open')
  })

  test('opens a deleted room with a new epoch and no past', async () => {
    const { router, say } = startRouter()
    await say('old')
    const old = router.attach(lobby, new RecordingConnection())
    const deletion = router.deleteRoom(lobby)
    await router.open(lobby)
    const renewed = router.attach(lobby, new RecordingConnection())
    await deletion
    expect(renewed.seq).toBe(0)
    expect(renewed.epoch).not.toBe(old.epoch)
    expect((await say('new')).seq).toBe(1)
  })
})

describe('members that do not keep up', () => {
  test('read on from the log when there is room again, in order and without a gap', async () => {
    const { router, say, members, tick } = await startLobby(1)
    const slow = new RecordingConnection(1)
    router.attach(lobby, slow)
    for (let index = 0; index < 10; index += 1) {
      await say(`m${index}`)
      await tick.settle()
    }
    expect(seqs(slow.records)).toEqual([1])
    expect(router.laggingConnections).toBe(1)
    slow.read()
    router.connectionWritable(slow)
    await tick.settle()
    expect(seqs(slow.records)).toEqual(from1To(10))
    expect(router.laggingConnections).toBe(0)
    await say('live again')
    slow.read()
    await tick.settle()
    expect(seqs(slow.records)).toEqual(from1To(11))
    expect(seqs(members[0]?.records ?? [])).toEqual(from1To(11))
  })

  test('are not asked again before there is news of room, though they seem to have some', async () => {
    const { router, say, tick } = await startLobby(0)
    const slow = new RecordingConnection(0)
    slow.readyToDeliver = () => true
    router.attach(lobby, slow)
    await say('too large for what is left')
    for (let turn = 0; turn < 10; turn += 1) {
      tick.end()
      await new Promise(setImmediate)
    }
    expect(tick.waiting).toBe(0)
    slow.roomForFrames = Infinity
    router.connectionWritable(slow)
    await tick.settle()
    expect(seqs(slow.records)).toEqual([1])
  })

  test('share the chunks of those at the same place', async () => {
    const { router, say, tick } = await startLobby(0)
    const slow = Array.from({ length: 5 }, () => new RecordingConnection(0))
    for (const connection of slow) router.attach(lobby, connection)
    for (let index = 0; index < 3; index += 1) await say(`m${index}`)
    await tick.settle()
    for (const connection of slow) {
      connection.roomForFrames = Infinity
      router.connectionWritable(connection)
    }
    await tick.settle()
    for (const { records } of slow) expect(seqs(records)).toEqual([1, 2, 3])
    expect(new Set(slow.flatMap(({ frames }) => frames)).size).toBe(1)
  })

  test('are told what the log has forgotten', async () => {
    const { router, say, log, tick } = await startLobby(0)
    const slow = new RecordingConnection(0)
    router.attach(lobby, slow)
    for (let index = 0; index < 5; index += 1) await say(`m${index}`)
    await tick.settle()
    const third = await log.readAfter(lobby, (await log.head(lobby)).seq, { maxRecords: 1, maxBytes: 1 })
    expect(third).toEqual([])
    const records = await log.readBefore(lobby, 4 as never, { maxRecords: 1, maxBytes: 1 })
    await log.trim(lobby, records[0]?.seq ?? (0 as never))
    slow.roomForFrames = Infinity
    router.connectionWritable(slow)
    await tick.settle()
    expect(slow.packets[0]).toMatchObject({ kind: 'gap', room: lobby, from: 0, to: 3, reason: GapReason.Trimmed })
    expect(seqs(slow.records)).toEqual([4, 5])
  })

  test('are told when the log has forgotten everything', async () => {
    const { router, say, log, tick } = await startLobby(0)
    const slow = new RecordingConnection(0)
    router.attach(lobby, slow)
    await say('one')
    await say('two')
    await tick.settle()
    await log.trim(lobby, (await log.head(lobby)).seq)
    slow.roomForFrames = Infinity
    router.connectionWritable(slow)
    await tick.settle()
    expect(slow.packets).toMatchObject([{ kind: 'gap', from: 0, to: 2 }])
    await say('three')
    await tick.settle()
    expect(seqs(slow.records)).toEqual([3])
  })

  test('go without ephemeral frames and stay', async () => {
    const { router, members } = await startLobby(1)
    const slow = new RecordingConnection(0)
    router.attach(lobby, slow)
    router.sendEphemeral(lobby, Buffer.from('frame'))
    expect(slow.closeCode).toBeUndefined()
    expect(members[0]?.frames).toHaveLength(1)
  })

  test('leave nothing behind when they leave', async () => {
    const { router, say, tick } = await startLobby(0)
    const slow = new RecordingConnection(0)
    router.attach(lobby, slow)
    await say('hi')
    await tick.settle()
    expect(router.laggingConnections).toBe(1)
    router.detach(lobby, slow)
    expect(router.laggingConnections).toBe(0)
  })
})

describe('admission', () => {
  const env = { NESTWIRE_LANE_MAX_MESSAGES: '10', NESTWIRE_HIGH_FREE_PERCENT: '20', NESTWIRE_NORMAL_FREE_PERCENT: '10' }

  test('refuses low and degrades normal when congested, and lets notices pass', async () => {
    const { say, members, router, tick } = await startLobby(1, env)
    for (let index = 0; index < 9; index += 1) await say(`m${index}`)
    expect(router.status).toBe('normal')
    await say('tenth')
    expect(router.status).toBe('congested')
    await expect(say('low', 'low')).rejects.toEqual(refusal('BACKPRESSURE'))
    await say('degraded')
    await say('joined', 'notice')
    await tick.settle()
    expect(router.status).toBe('normal')
    expect(seqs(members[0]?.records ?? [])).toEqual(from1To(12))
  })

  test('refuses normal when the low lane is full too, with a time to come back', async () => {
    const { say } = await startLobby(1, env)
    // Nine make the normal lane full enough for congestion, the tenth tips it, ten more fill the low lane.
    for (let index = 0; index < 20; index += 1) await say(`m${index}`)
    const refused = expect.objectContaining({ failure: expect.objectContaining({ retryAfterMs: 250 }) })
    await expect(say('too much')).rejects.toEqual(refused)
  })

  test('makes high wait for room instead of refusing it', async () => {
    const { say, tick } = await startLobby(1, env)
    for (let index = 0; index < 10; index += 1) await say(`m${index}`, 'high')
    let isLogged = false
    const waiting = say('eleventh', 'high').then(() => (isLogged = true))
    await new Promise(setImmediate)
    expect(isLogged).toBe(false)
    await tick.settle()
    await waiting
    expect(isLogged).toBe(true)
  })

  test('holds nothing for rooms that nobody hears', async () => {
    const { say, router, tick } = startRouter(env)
    for (let round = 0; round < 5; round += 1) {
      for (let index = 0; index < 9; index += 1) await say('into the void')
      await tick.settle()
    }
    expect(router.status).toBe('normal')
  })

  test('gives back what a failed commit held', async () => {
    const { say, log, router } = await startLobby(1, env)
    log.append = () => Promise.reject(new Error('disk full'))
    for (let index = 0; index < 50; index += 1) await expect(say('x')).rejects.toThrow('disk full')
    expect(router.status).toBe('normal')
  })
})
