import { describe, expect, test } from 'vitest'
import { chatPayloads } from '../../src/chat/chat.contract.js'
import { encodeBody } from '../../src/protocol/body.js'
import { roomId, userId } from '../delivery/names.js'
import { refusal } from '../rooms/room-stack.js'
import { startChatServices } from './chat-stack.js'

const lobby = roomId('lobby')
const page = (asked: { after?: number; before?: number; limit?: number } = {}) =>
  chatPayloads['chat.history'].parse({ room: 'lobby', ...asked })

const accepts = (asked: object) => chatPayloads['chat.history'].safeParse({ room: 'lobby', ...asked }).success

/** Alice's room: her join is record 1, her messages follow. */
async function withMessages(bodies: readonly (string | Buffer)[], env: Record<string, string> = {}) {
  const stack = startChatServices(env)
  const alice = stack.connect('alice')
  await stack.join(alice, lobby)
  for (const body of bodies) await stack.says(alice, lobby, { body })
  const read = async (asked?: Parameters<typeof page>[0]) => {
    const reply = await stack.past.read(alice.principal, page(asked))
    return { seqs: reply.records.map(({ seq }) => seq), more: reply.more, reply }
  }
  return { ...stack, alice, read }
}

describe('chat.history', () => {
  test('tells texts, joins and leaves in one order', async () => {
    const { alice, connect, join, rooms, past, log, clock } = await withMessages([])
    const bob = connect('bob')
    await join(bob, lobby)
    await rooms.kick(alice.principal, lobby, userId('bob'))
    const { epoch } = await log.head(lobby)
    const timeMs = clock.now()
    expect(await past.read(alice.principal, page())).toEqual({
      room: lobby,
      epoch,
      records: [
        { kind: 'join', seq: 1, prev: 0, timeMs, sender: 'alice', body: Buffer.from('alice') },
        { kind: 'join', seq: 2, prev: 1, timeMs, sender: 'bob', body: Buffer.from('bob') },
        { kind: 'leave', seq: 3, prev: 2, timeMs, sender: 'bob', body: Buffer.of(1) },
      ],
      more: false,
    })
  })

  test('pages backwards from the newest', async () => {
    const { read } = await withMessages(['2', '3', '4', '5'])
    expect(await read({ limit: 2 })).toMatchObject({ seqs: [4, 5], more: true })
    expect(await read({ before: 4, limit: 2 })).toMatchObject({ seqs: [2, 3], more: true })
    expect(await read({ before: 2, limit: 2 })).toMatchObject({ seqs: [1], more: false })
    expect(await read({ before: 1 })).toMatchObject({ seqs: [], more: false })
  })

  test('pages forwards from a position', async () => {
    const { read } = await withMessages(['2', '3', '4', '5'])
    expect(await read({ after: 0, limit: 3 })).toMatchObject({ seqs: [1, 2, 3], more: true })
    expect(await read({ after: 3, limit: 2 })).toMatchObject({ seqs: [4, 5], more: false })
    expect(await read({ after: 5 })).toMatchObject({ seqs: [], more: false })
  })

  test('says no more where the rest was forgotten', async () => {
    const { read } = await withMessages(['2', '3', '4'], { NESTWIRE_HISTORY_MAX_RECORDS: '2' })
    const { seqs, more, reply } = await read()
    expect({ seqs, more }).toEqual({ seqs: [3, 4], more: false })
    expect(reply.records[0]?.prev).toBe(2)
    expect(await read({ after: 0 })).toMatchObject({ seqs: [3, 4], more: false })
  })

  test('is for members and the system', async () => {
    const { alice, connect, rooms, past } = await withMessages(['2'])
    const bob = connect('bob')
    await expect(past.read(bob.principal, page())).rejects.toEqual(refusal('NOT_A_MEMBER'))
    await rooms.ban(alice.principal, lobby, userId('bob'))
    await expect(past.read(bob.principal, page())).rejects.toEqual(refusal('BANNED'))
    const { records } = await past.read(connect('bot', { role: 'service' }).principal, page())
    expect(records).toHaveLength(2)
  })

  test.each([4096, 65_536])('fits a frame of %i bytes and loses nothing in between', async (maxFrameBytes) => {
    const bodies = Array.from({ length: 150 }, (_, index) => Buffer.alloc((index * 37) % 1500, 'x'))
    const { read } = await withMessages(bodies, {
      NESTWIRE_MAX_FRAME_BYTES: String(maxFrameBytes),
      NESTWIRE_MAX_MESSAGE_BYTES: '3072',
    })
    const forwards: number[] = []
    for (let more = true; more;) {
      const next = await read({ after: forwards.at(-1) ?? 0 })
      expect(encodeBody(next.reply).length).toBeLessThanOrEqual(maxFrameBytes - 6)
      forwards.push(...next.seqs)
      more = next.more
    }
    const backwards: number[] = []
    for (let more = true; more;) {
      const next = await read({ before: backwards[0] ?? 1000 })
      expect(encodeBody(next.reply).length).toBeLessThanOrEqual(maxFrameBytes - 6)
      backwards.unshift(...next.seqs)
      more = next.more
    }
    const all = Array.from({ length: 151 }, (_, index) => index + 1)
    expect(forwards).toEqual(all)
    expect(backwards).toEqual(all)
  })

  test('takes one position and at most 200 records', () => {
    expect(accepts({ limit: 200 })).toBe(true)
    expect(accepts({ limit: 201 })).toBe(false)
    expect(accepts({ after: 1, before: 9 })).toBe(false)
    expect(accepts({ after: -1 })).toBe(false)
    expect(accepts({ after: 1.5 })).toBe(false)
  })
})
