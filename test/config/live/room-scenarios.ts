import { expect } from 'vitest'
import { Feature } from '../../../src/protocol/constants.js'
import { ChatUser, join, nextMessageId, publish, request } from '../../support/chat-user.js'
import { hello, type PacketOf } from '../../support/raw-client.js'
import { startConfigured } from '../config-file-app.js'
import type { LiveScenarios } from './live-scenario.js'

/** One after the other; `ack`, or the name of the error. */
async function says(user: ChatUser, bytes: readonly number[]): Promise<readonly string[]> {
  const outcomes: string[] = []
  for (const length of bytes) {
    const packet = (correlation: number) => publish('lobby', 'x'.repeat(length), correlation)
    outcomes.push(await user.answerTo(packet))
  }
  return outcomes
}

const joins = (user: ChatUser, room: string): Promise<string> => user.answerTo((correlation) => join(room, correlation))

export const roomScenarios: LiveScenarios = {
  NESTWIRE_ROOMS_OPEN: async () => {
    const chat = await startConfigured({ NESTWIRE_ROOMS_OPEN: 'true' })
    const alice = await chat.connect('alice')
    expect(await joins(alice, 'one')).toBe('joined')
    await chat.change({ NESTWIRE_ROOMS_OPEN: 'false' })
    expect([await joins(alice, 'two'), await joins(alice, 'one')]).toEqual(['error', 'joined'])
  },

  NESTWIRE_ANNOUNCE_MEMBERS_MAX: async () => {
    const chat = await startConfigured({ NESTWIRE_ANNOUNCE_MEMBERS_MAX: '1' })
    const [alice, ...others] = await Promise.all(['alice', 'bob', 'carol', 'dave'].map((user) => chat.connect(user)))
    await alice?.join('lobby')
    await others[0]?.join('lobby')
    await chat.change({ NESTWIRE_ANNOUNCE_MEMBERS_MAX: '3' })
    await others[1]?.join('lobby')
    await others[2]?.join('lobby')
    await alice?.hears('lobby', ['+carol'])
    await alice?.says('lobby', 'nobody between')
    await alice?.hears('lobby', ['nobody between'])
  },

  NESTWIRE_MAX_ROOMS: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_ROOMS: '1' })
    const alice = await chat.connect('alice')
    expect([await joins(alice, 'one'), await joins(alice, 'two')]).toEqual(['joined', 'error'])
    await chat.change({ NESTWIRE_MAX_ROOMS: '2' })
    expect([await joins(alice, 'two'), await joins(alice, 'three')]).toEqual(['joined', 'error'])
  },

  NESTWIRE_MAX_MEMBERS_PER_ROOM: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_MEMBERS_PER_ROOM: '1' })
    const [alice, bob, carol] = [await chat.connect('alice'), await chat.connect('bob'), await chat.connect('carol')]
    expect([await joins(alice, 'lobby'), await joins(bob, 'lobby')]).toEqual(['joined', 'error'])
    await chat.change({ NESTWIRE_MAX_MEMBERS_PER_ROOM: '2' })
    expect([await joins(bob, 'lobby'), await joins(carol, 'lobby')]).toEqual(['joined', 'error'])
  },

  NESTWIRE_PRESENCE_INTERVAL_MS: async () => {
    const chat = await startConfigured({ NESTWIRE_PRESENCE_INTERVAL_MS: '20000' })
    const alice = await chat.connect('alice')
    await alice.join('lobby')
    chat.clock.advance(1_000)
    await alice.event('rooms.presence')
    const bob = await chat.connect('bob')
    await bob.join('lobby')
    chat.clock.advance(10_000)
    await alice.settled()
    expect(alice.inbox.filter(({ kind }) => kind === 'event')).toEqual([])
    chat.clock.advance(10_000)
    await alice.event('rooms.presence')
    await chat.change({ NESTWIRE_PRESENCE_INTERVAL_MS: '2000' })
    await (await chat.connect('carol')).join('lobby')
    chat.clock.advance(2_500)
    expect(await alice.event('rooms.presence')).toMatchObject({ members: 3 })
  },

  NESTWIRE_SIGNALS_PER_SECOND: async () => {
    const chat = await startConfigured({ NESTWIRE_SIGNALS_PER_SECOND: '1' })
    const alice = await chat.connect('alice')
    await alice.join('lobby')
    const signals = async (count: number): Promise<readonly string[]> => {
      chat.clock.advance(1_000)
      const packet = (correlation: number) => request('rooms.signal', { room: 'lobby', name: 'typing' }, correlation)
      const outcomes: string[] = []
      for (let n = 0; n < count; n += 1) outcomes.push(await alice.answerTo(packet))
      return outcomes
    }
    expect(await signals(2)).toEqual(['reply', 'error'])
    await chat.change({ NESTWIRE_SIGNALS_PER_SECOND: '3' })
    expect(await signals(4)).toEqual(['reply', 'reply', 'reply', 'error'])
  },

  NESTWIRE_MAX_ROOMS_PER_CONNECTION: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_ROOMS_PER_CONNECTION: '1' })
    const alice = await chat.connect('alice')
    expect([await joins(alice, 'one'), await joins(alice, 'two')]).toEqual(['joined', 'error'])
    await chat.change({ NESTWIRE_MAX_ROOMS_PER_CONNECTION: '2' })
    expect([await joins(alice, 'two'), await joins(alice, 'three')]).toEqual(['joined', 'error'])
  },

  NESTWIRE_MAX_MESSAGE_BYTES: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_MESSAGE_BYTES: '10' })
    const alice = await chat.connect('alice')
    await alice.join('lobby')
    expect(await says(alice, [10, 11])).toEqual(['ack', 'error'])
    await chat.change({ NESTWIRE_MAX_MESSAGE_BYTES: '20' })
    expect(await says(alice, [11, 20, 21])).toEqual(['ack', 'ack', 'error'])
  },

  NESTWIRE_PUBLISH_MESSAGES_PER_SECOND: async () => {
    const chat = await startConfigured({ NESTWIRE_PUBLISH_MESSAGES_PER_SECOND: '1' })
    const alice = await chat.connect('alice')
    await alice.join('lobby')
    expect(await says(alice, [1, 1])).toEqual(['ack', 'error'])
    await chat.change({ NESTWIRE_PUBLISH_MESSAGES_PER_SECOND: '3' })
    chat.clock.advance(1_000)
    expect(await says(alice, [1, 1, 1, 1])).toEqual(['ack', 'ack', 'ack', 'error'])
  },

  NESTWIRE_PUBLISH_BYTES_PER_SECOND: async () => {
    const chat = await startConfigured({ NESTWIRE_PUBLISH_BYTES_PER_SECOND: '1024' })
    const alice = await chat.connect('alice')
    await alice.join('lobby')
    expect(await says(alice, [1_000, 25])).toEqual(['ack', 'error'])
    await chat.change({ NESTWIRE_PUBLISH_BYTES_PER_SECOND: '2048' })
    chat.clock.advance(1_000)
    expect(await says(alice, [2_000, 49, 48])).toEqual(['ack', 'error', 'ack'])
  },

  NESTWIRE_DEDUP_WINDOW_MS: async () => {
    const chat = await startConfigured({ NESTWIRE_DEDUP_WINDOW_MS: '1000' })
    const alice = await ChatUser.login(chat.port, await chat.tokenOf('alice'), hello({ features: Feature.Positions }))
    await alice.join('lobby')
    const repeats = (ageMs: number) =>
      alice.answerTo((correlation) => ({ ...(publish('lobby', 'again', correlation) as PacketOf<'publish'>), ageMs }))
    expect([await repeats(1_000), await repeats(1_001)]).toEqual(['ack', 'error'])
    await chat.change({ NESTWIRE_DEDUP_WINDOW_MS: '2000' })
    expect([await repeats(2_000), await repeats(2_001)]).toEqual(['ack', 'error'])
  },

  NESTWIRE_DEDUP_MAX_IDS: async () => {
    const chat = await startConfigured({ NESTWIRE_DEDUP_MAX_IDS: '1' })
    const alice = await chat.connect('alice')
    await alice.join('lobby')
    const seqOf = async (messageId: Buffer): Promise<number> => {
      const correlation = alice.nextCorrelation()
      alice.send({ ...(publish('lobby', 'x', correlation) as PacketOf<'publish'>), messageId })
      const isIt = (packet: { readonly kind: string }) => packet.kind === 'ack'
      return ((await alice.find(isIt)) as PacketOf<'ack'>).seq
    }
    const [one, two, three] = [nextMessageId(), nextMessageId(), nextMessageId()]
    const first = [await seqOf(one), await seqOf(two)]
    expect([await seqOf(two), await seqOf(one)]).toEqual([first[1], (first[1] ?? 0) + 1])
    await chat.change({ NESTWIRE_DEDUP_MAX_IDS: '2' })
    const last = await seqOf(three)
    expect([await seqOf(one), await seqOf(two)]).toEqual([(first[1] ?? 0) + 1, last + 1])
  },
}
