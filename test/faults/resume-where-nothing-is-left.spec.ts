/** A session comes back, but not into rooms that it does not belong to any more. It is told so, and hears nothing of them. */
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { GapReason, ResumeOutcome, type ResumedRoom } from '../../src/protocol/packets.js'
import { ChatUser } from '../support/chat-user.js'
import { roomOf } from '../support/example-packets.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, type Scene } from './bystanders.js'

const notAMember = (room: string): ResumedRoom[] => [
  { room: roomOf(room), epoch: 0 as never, from: 0 as never, to: 0 as never, outcome: ResumeOutcome.NotAMember },
]

const roomsOf = ({ granted }: ChatUser): unknown => (granted?.kind === 'resumed' ? granted.rooms : undefined)

async function loggedIn({ port, tokenOf }: Scene): Promise<ChatUser> {
  return ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Resume }))
}

async function gone({ server }: Scene, client: ChatUser): Promise<void> {
  client.reset()
  await expect.poll(() => server.connectionCount).toBe(2)
}

/** What Mallory was in the lobby at the start, for the sake of those who look on. */
async function back(scene: Scene, how: string): Promise<void> {
  const mallory = await scene.mallory()
  await scene.alice.hears('lobby', [`-mallory ${how}`, '+mallory'])
  await scene.bob.hears('lobby', [`-mallory ${how}`, '+mallory'])
  await gone(scene, mallory)
}

test('who was kicked meanwhile is told, and hears nothing', () =>
  besideBystanders(async (scene) => {
    const mallory = await loggedIn(scene)
    await mallory.join('lobby')
    await gone(scene, mallory)
    await scene.alice.request('rooms.kick', { room: 'lobby', user: 'mallory' })
    const again = await ChatUser.comeBack(scene.port, mallory)
    expect(roomsOf(again)).toEqual(notAMember('lobby'))
    await scene.alice.says('lobby', 'is he gone?')
    await again.showsTicket()
    await again.expectNothing()
    await gone(scene, again)
    const returned = await scene.mallory()
    const lines = ['-mallory kicked', 'is he gone?', '+mallory']
    for (const person of [scene.alice, scene.bob]) await person.hears('lobby', lines)
    await gone(scene, returned)
  }))

test('who was banned meanwhile is told, and a JOIN says why', () =>
  besideBystanders(async (scene) => {
    const mallory = await loggedIn(scene)
    await mallory.join('lobby')
    await gone(scene, mallory)
    await scene.alice.request('rooms.ban', { room: 'lobby', user: 'mallory' })
    const again = await ChatUser.comeBack(scene.port, mallory)
    expect(roomsOf(again)).toEqual(notAMember('lobby'))
    expect(await again.refusal('rooms.join', { room: 'lobby' })).toBe('BANNED')
    await again.showsTicket()
    await again.expectNothing()
    await gone(scene, again)
    await scene.alice.request('rooms.unban', { room: 'lobby', user: 'mallory' })
    await back(scene, 'banned')
  }))

test('who left on another device is told', () =>
  besideBystanders(async (scene) => {
    const mallory = await loggedIn(scene)
    await mallory.join('lobby')
    await gone(scene, mallory)
    const other = await loggedIn(scene)
    await other.request('rooms.leave', { room: 'lobby' })
    const again = await ChatUser.comeBack(scene.port, mallory)
    expect(roomsOf(again)).toEqual(notAMember('lobby'))
    other.reset()
    await gone(scene, again)
    await back(scene, 'left')
  }))

test('a room that is gone is told, one of that name that never was, too', () =>
  besideBystanders(async (scene) => {
    const mallory = await loggedIn(scene)
    await mallory.join('cave')
    await mallory.request('rooms.leave', { room: 'cave' })
    const [cave] = mallory.positions
    await gone(scene, mallory)
    const again = await ChatUser.comeBack(scene.port, mallory)
    expect(roomsOf(again)).toEqual(notAMember('cave'))
    await gone(scene, again)
    const nowhere = { room: roomOf('nowhere'), epoch: cave?.epoch ?? (0 as never), seq: cave?.seq ?? (0 as never) }
    const third = await ChatUser.comeBack(scene.port, again, { positions: [nowhere] })
    expect(roomsOf(third)).toEqual(notAMember('nowhere'))
    await gone(scene, third)
  }))

test('a room that was founded anew by others is not heard', () =>
  besideBystanders(async (scene) => {
    const mallory = await loggedIn(scene)
    await mallory.join('cave')
    await gone(scene, mallory)
    const other = await loggedIn(scene)
    await other.request('rooms.leave', { room: 'cave' })
    other.reset()
    await scene.bob.join('cave')
    await scene.bob.says('cave', 'echo')
    const again = await ChatUser.comeBack(scene.port, mallory)
    expect(roomsOf(again)).toEqual(notAMember('cave'))
    await again.showsTicket()
    await again.expectNothing()
    await scene.bob.hears('cave', ['echo'])
    await scene.bob.request('rooms.leave', { room: 'cave' })
    await scene.bob.event('rooms.left')
    await gone(scene, again)
  }))

test('a room that was founded anew by the same user begins anew', () =>
  besideBystanders(async (scene) => {
    const mallory = await loggedIn(scene)
    const { epoch } = await mallory.join('cave')
    await mallory.says('cave', 'first life')
    await gone(scene, mallory)
    const other = await loggedIn(scene)
    await other.request('rooms.leave', { room: 'cave' })
    await other.join('cave')
    for (let line = 0; line < 5; line += 1) await other.says('cave', `second life ${line}`)
    const again = await ChatUser.comeBack(scene.port, mallory)
    const gap = await again.find(({ kind }) => kind === 'gap')
    expect(gap).toMatchObject({ room: 'cave', from: 0, to: 6, reason: GapReason.EpochChanged })
    expect(gap).not.toMatchObject({ epoch })
    await other.says('cave', 'and now')
    await again.hears('cave', ['and now'])
    other.reset()
    await again.request('rooms.leave', { room: 'cave' })
    await gone(scene, again)
  }))
