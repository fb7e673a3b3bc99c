/** Coming, going and being shown the door, as the people in the room see it. */
import { expect, test } from 'vitest'
import { startChat, type Chat } from '../support/chat-harness.js'
import { join, publish, type ChatUser } from '../support/chat-user.js'

/** These people in the lobby, in this order, with the joins heard already; the first one owns it. */
async function inLobby(chat: Chat, ...names: readonly string[]): Promise<ChatUser[]> {
  const people: ChatUser[] = []
  for (const name of names) {
    const person = await chat.connect(name)
    await person.join('lobby')
    for (const other of people) await other.hears('lobby', [`+${name}`])
    people.push(person)
  }
  return people
}

test('the others hear who joins and who leaves', async () => {
  const chat = await startChat()
  const [alice, bob] = (await inLobby(chat, 'alice', 'bob')) as [ChatUser, ChatUser]
  const carol = await chat.connect('carol', { username: 'Carol C.' })
  await carol.join('lobby')
  expect(await carol.request('rooms.leave', { room: 'lobby' })).toEqual({ room: 'lobby', changed: true })
  for (const person of [alice, bob]) {
    const [joined] = await person.hears('lobby', ['+carol', '-carol left'])
    expect(joined?.body.toString()).toBe('Carol C.')
    await person.expectNothing()
  }
})

test('joining again changes nothing and tells nobody', async () => {
  const chat = await startChat()
  const [alice, bob] = (await inLobby(chat, 'alice', 'bob')) as [ChatUser, ChatUser]
  const again = await bob.join('lobby')
  expect(again).toMatchObject({ members: 2, seq: 2 })
  await alice.says('lobby', 'once')
  await bob.hears('lobby', ['once'])
  await bob.expectNothing()
})

test('whoever left hears no more and cannot post', async () => {
  const chat = await startChat()
  const [alice, bob] = (await inLobby(chat, 'alice', 'bob')) as [ChatUser, ChatUser]
  await bob.request('rooms.leave', { room: 'lobby' })
  expect(await bob.event('rooms.left')).toEqual({ room: 'lobby', reason: 'left' })
  await alice.says('lobby', 'gone?')
  await bob.expectNothing()
  expect(await bob.refusalOf((correlation) => publish('lobby', 'still here', correlation))).toBe('NOT_A_MEMBER')
  expect(await bob.request('rooms.leave', { room: 'lobby' })).toEqual({ room: 'lobby', changed: false })
})

test('a kicked member is told, heard of, silenced, and may come back', async () => {
  const chat = await startChat()
  const [alice, bob, carol] = (await inLobby(chat, 'alice', 'bob', 'carol')) as [ChatUser, ChatUser, ChatUser]
  expect(await alice.request('rooms.kick', { room: 'lobby', user: 'bob' })).toEqual({ room: 'lobby', changed: true })
  expect(await bob.event('rooms.left')).toEqual({ room: 'lobby', reason: 'kicked' })
  await carol.hears('lobby', ['-bob kicked'])
  expect(await bob.refusalOf((correlation) => publish('lobby', 'hey', correlation))).toBe('NOT_A_MEMBER')
  await alice.says('lobby', 'quiet now')
  await bob.expectNothing()
  await bob.join('lobby')
  await carol.hears('lobby', ['quiet now', '+bob'])
})

test('a banned member stays out until the ban is lifted', async () => {
  const chat = await startChat()
  const [alice, bob, carol] = (await inLobby(chat, 'alice', 'bob', 'carol')) as [ChatUser, ChatUser, ChatUser]
  await alice.request('rooms.ban', { room: 'lobby', user: 'bob' })
  expect(await bob.event('rooms.left')).toEqual({ room: 'lobby', reason: 'banned' })
  expect(await bob.refusalOf((correlation) => join('lobby', correlation))).toBe('BANNED')
  expect(await bob.refusalOf((correlation) => publish('lobby', 'hey', correlation))).toBe('BANNED')
  await carol.hears('lobby', ['-bob banned'])
  await carol.expectNothing()
  await alice.request('rooms.unban', { room: 'lobby', user: 'bob' })
  await bob.join('lobby')
  await carol.hears('lobby', ['+bob'])
})

test('only the owner or the system may kick, and nobody but the system the owner', async () => {
  const chat = await startChat()
  const [alice, bob] = (await inLobby(chat, 'alice', 'bob', 'carol')) as [ChatUser, ChatUser, ChatUser]
  const [stranger, service] = [await chat.connect('mallory'), await chat.connect('warden', { role: 'service' })]
  expect(await bob.refusal('rooms.kick', { room: 'lobby', user: 'carol' })).toBe('FORBIDDEN')
  expect(await bob.refusal('rooms.kick', { room: 'lobby', user: 'alice' })).toBe('FORBIDDEN')
  expect(await stranger.refusal('rooms.ban', { room: 'lobby', user: 'alice' })).toBe('NOT_A_MEMBER')
  expect(await service.request('rooms.kick', { room: 'lobby', user: 'alice' })).toMatchObject({ changed: true })
  expect(await alice.event('rooms.left')).toEqual({ room: 'lobby', reason: 'kicked' })
  expect(await bob.request('rooms.info', { room: 'lobby' })).toMatchObject({ owner: 'bob', members: 2 })
})

test('leaving on one device leaves on all of them', async () => {
  const chat = await startChat()
  const [alice, phone] = (await inLobby(chat, 'alice', 'bob')) as [ChatUser, ChatUser]
  const laptop = await chat.connect('bob')
  await laptop.join('lobby')
  await phone.request('rooms.leave', { room: 'lobby' })
  for (const device of [phone, laptop]) {
    expect(await device.event('rooms.left')).toEqual({ room: 'lobby', reason: 'left' })
  }
  await alice.hears('lobby', ['-bob left'])
  await alice.says('lobby', 'both gone')
  await phone.expectNothing()
  await laptop.expectNothing()
})

test('two devices of a user are one member and both hear', async () => {
  const chat = await startChat()
  const [alice, phone] = (await inLobby(chat, 'alice', 'bob')) as [ChatUser, ChatUser]
  const laptop = await chat.connect('bob')
  expect(await laptop.join('lobby')).toMatchObject({ members: 2 })
  await phone.says('lobby', 'from my phone')
  for (const device of [alice, phone, laptop]) {
    await device.hears('lobby', ['from my phone'])
    await device.expectNothing()
  }
  expect(await alice.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 2, online: 2 })
  phone.reset()
  await expect.poll(chat.sessionCount).toBe(2)
  expect(await alice.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 2, online: 2 })
  await alice.says('lobby', 'still there?')
  await laptop.hears('lobby', ['still there?'])
})

test('hanging up ends presence, not membership, and is no record', async () => {
  const chat = await startChat()
  const [alice, bob] = (await inLobby(chat, 'alice', 'bob')) as [ChatUser, ChatUser]
  bob.reset()
  await expect.poll(chat.sessionCount).toBe(1)
  expect(await alice.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 2, online: 1 })
  await alice.expectNothing()
  const back = await chat.connect('bob')
  await back.join('lobby')
  await alice.says('lobby', 'welcome back')
  await alice.hears('lobby', ['welcome back'])
  await back.hears('lobby', ['welcome back'])
})

test('up to announceMembersMax joins are records, above it only presence tells', async () => {
  const chat = await startChat({ NESTWIRE_ANNOUNCE_MEMBERS_MAX: '3', NESTWIRE_PRESENCE_INTERVAL_MS: '1000' })
  const [alice] = (await inLobby(chat, 'alice', 'bob', 'carol')) as [ChatUser, ChatUser, ChatUser]
  chat.clock.advance(1_000)
  expect(await alice.event('rooms.presence')).toEqual({ room: 'lobby', members: 3, online: 3 })
  const dan = await chat.connect('dan')
  await dan.join('lobby')
  await dan.request('rooms.leave', { room: 'lobby' })
  await dan.join('lobby')
  await alice.expectNothing()
  chat.clock.advance(1_000)
  expect(await alice.event('rooms.presence')).toEqual({ room: 'lobby', members: 4, online: 4 })
  chat.clock.advance(5_000)
  await alice.expectNothing()
})

test('a room goes with its last member and its successor knows nothing of it', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice')
  const before = await alice.join('lobby')
  await alice.says('lobby', 'a secret')
  await alice.request('rooms.leave', { room: 'lobby' })
  expect(await alice.refusal('rooms.info', { room: 'lobby' })).toBe('ROOM_NOT_FOUND')
  const bob = await chat.connect('bob')
  const after = await bob.join('lobby')
  expect(after).toMatchObject({ seq: 1, members: 1, role: before.role })
  expect(after.epoch).not.toBe(before.epoch)
  expect(await bob.request('chat.history', { room: 'lobby' })).toMatchObject({ records: [{ kind: 'join', seq: 1 }] })
})

test('rooms that only services make are not made by a join', async () => {
  const chat = await startChat({ NESTWIRE_ROOMS_OPEN: 'false' })
  const [alice, service] = [await chat.connect('alice'), await chat.connect('host', { role: 'service' })]
  expect(await alice.refusalOf((correlation) => join('lobby', correlation))).toBe('ROOM_NOT_FOUND')
  expect(await alice.refusal('rooms.create', { room: 'lobby' })).toBe('FORBIDDEN')
  await service.request('rooms.create', { room: 'lobby' })
  await alice.join('lobby')
  expect(await alice.request('rooms.list')).toMatchObject({ rooms: [{ room: 'lobby', members: 2, online: 1 }] })
})

test('a connection follows as many rooms as it may and not one more', async () => {
  const chat = await startChat({ NESTWIRE_MAX_ROOMS_PER_CONNECTION: '2' })
  const alice = await chat.connect('alice')
  await alice.join('one')
  await alice.join('two')
  expect(await alice.refusalOf((correlation) => join('three', correlation))).toBe('TOO_MANY_ROOMS')
  await alice.join('two')
  await alice.request('rooms.leave', { room: 'one' })
  await alice.join('three')
})
