import { describe, expect, test } from 'vitest'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { refusal } from '../rooms/room-stack.js'
import { startChatServices } from './chat-stack.js'

const lobby = roomId('lobby')

describe('chat.send', () => {
  test('answers with the position and delivers to every member', async () => {
    const { connect, join, says, tick, clock } = startChatServices()
    const [alice, bob] = [connect('alice'), connect('bob')]
    await join(alice, lobby)
    await join(bob, lobby)
    tick.end()
    expect(await says(alice, lobby, { body: 'hi' })).toEqual({ seq: 3, timeMs: clock.now() })
    tick.end()
    for (const { connection } of [alice, bob]) {
      expect(connection.records.at(-1)).toEqual({
        kind: RecordKind.Text,
        seq: 3,
        prev: 2,
        timeMs: clock.now(),
        sender: 'alice',
        body: Buffer.from('hi'),
      })
    }
  })

  test('is for members', async () => {
    const { connect, join, says, rooms, log } = startChatServices()
    const [alice, bob] = [connect('alice'), connect('bob')]
    await expect(says(bob, lobby, { body: 'hi' })).rejects.toEqual(refusal('ROOM_NOT_FOUND'))
    await join(alice, lobby)
    await expect(says(bob, lobby, { body: 'hi' })).rejects.toEqual(refusal('NOT_A_MEMBER'))
    await rooms.ban(alice.principal, lobby, userId('bob'))
    await expect(says(bob, lobby, { body: 'hi' })).rejects.toEqual(refusal('BANNED'))
    expect((await log.head(lobby)).seq).toBe(1)
  })

  test.each(['service', 'admin'] as const)('lets the role %s post without joining', async (role) => {
    const { connect, join, says, tick } = startChatServices()
    const alice = connect('alice')
    await join(alice, lobby)
    await says(connect('bot', { role }), lobby, { body: 'notice' })
    tick.end()
    expect(alice.connection.records).toMatchObject([{ sender: 'bot', body: Buffer.from('notice') }])
  })

  test('takes a message of the largest size', async () => {
    const { connect, join, says, tick } = startChatServices({ NESTWIRE_MAX_MESSAGE_BYTES: '100' })
    const alice = connect('alice')
    await join(alice, lobby)
    await says(alice, lobby, { body: Buffer.alloc(100) })
    tick.end()
    expect(alice.connection.records).toHaveLength(1)
  })

  test('refuses one byte more and logs nothing', async () => {
    const { connect, join, says, tick, log } = startChatServices({ NESTWIRE_MAX_MESSAGE_BYTES: '100' })
    const alice = connect('alice')
    await join(alice, lobby)
    await expect(says(alice, lobby, { body: Buffer.alloc(101) })).rejects.toEqual(refusal('MESSAGE_TOO_LARGE'))
    tick.end()
    expect(alice.connection.records).toEqual([])
    expect((await log.head(lobby)).seq).toBe(1)
  })

  test('clamps a high priority of users only', async () => {
    const { connect, join, says, delivery } = startChatServices()
    const [alice, bot] = [connect('alice'), connect('bot', { role: 'service' })]
    await join(alice, lobby)
    delivery.priorities.length = 0
    await says(alice, lobby, { body: 'hi', priority: 'high' })
    await says(alice, lobby, { body: 'hi', priority: 'low' })
    await says(bot, lobby, { body: 'hi', priority: 'high' })
    expect(delivery.priorities).toEqual(['normal', 'low', 'high'])
  })
})
