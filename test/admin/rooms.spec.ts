import { expect, test } from 'vitest'
import { startChat } from '../support/chat-harness.js'
import { asks } from './operator.js'

test('rooms are ranked by members, records and bytes', async () => {
  const chat = await startChat()
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  for (const person of [alice, bob]) await person.join('crowd')
  await alice.join('chatter')
  await alice.join('pictures')
  for (let count = 0; count < 10; count += 1) await alice.says('chatter', 'hi')
  await alice.says('pictures', 'x'.repeat(5_000))
  await alice.request('rooms.leave', { room: 'crowd' })
  await bob.join('crowd')
  const carol = await chat.connect('carol')
  await carol.join('crowd')
  carol.reset()
  await expect.poll(() => chat.sessionCount()).toBe(2)
  const first = async (query: string): Promise<unknown> => {
    const { body } = await asks(chat, `rooms?${query}`)
    return (body as { rooms: readonly unknown[] }).rooms[0]
  }
  expect(await first('')).toEqual({ room: 'crowd', members: 2, online: 1, records: 4, bytes: expect.any(Number) })
  expect(await first('by=records')).toMatchObject({ room: 'chatter', members: 1, online: 1, records: 11 })
  expect(await first('by=bytes')).toMatchObject({ room: 'pictures', records: 2, bytes: 5_000 + 'alice'.length })
  expect(await asks(chat, 'rooms?top=2')).toMatchObject({ status: 200, body: { total: 3 } })
})
