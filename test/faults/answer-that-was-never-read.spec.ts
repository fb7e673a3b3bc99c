/** AUTH_OK or RESUMED is lost on its way: the client shows what it has, and is not locked out. */
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { SessionsService } from '../../src/sessions/sessions.service.js'
import { ChatUser, auth, resume } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, type Scene } from './bystanders.js'

async function gone({ server }: Scene, client: ChatUser): Promise<void> {
  client.reset()
  await expect.poll(() => server.connectionCount).toBe(2)
}

/** Resumes and is cut off before it has read a byte of the answer. */
async function resumeUnread(scene: Scene, earlier: ChatUser, rounds: number): Promise<void> {
  const sessions = scene.app.get(SessionsService, { strict: false })
  for (let round = 0; round < rounds; round += 1) {
    const client = await ChatUser.greetedForResume(scene.port)
    client.stopReading()
    client.send(resume(earlier.ticket, earlier.positions, 1))
    await expect.poll(() => sessions.get(earlier.granted?.session ?? ('' as never))).toBeDefined()
    expect(client.inbox).toEqual([])
    await gone(scene, client)
  }
}

test.each([1, 2, 7])('RESUMED lost %i times: the ticket before it is still good, and what was missed comes', (rounds) =>
  besideBystanders(async (scene) => {
    const { port, tokenOf, chatter } = scene
    const client = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Resume }))
    await client.join('lobby')
    await gone(scene, client)
    await chatter()
    await resumeUnread(scene, client, rounds)
    await chatter()
    const back = await ChatUser.comeBack(port, client)
    expect(back.granted?.session).toBe(client.granted?.session)
    expect(await back.records('lobby', 4)).toHaveLength(4)
    await gone(scene, back)
  }),
)

test('the ticket in the lost answer is not good any more once another was taken', () =>
  besideBystanders(async (scene) => {
    const { port, tokenOf } = scene
    const client = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Resume }))
    await gone(scene, client)
    const lost = await ChatUser.comeBack(port, client)
    const back = await ChatUser.comeBack(port, client)
    await lost.expectClosedAtLast('TakenOver')
    lost.end()
    await gone(scene, back)
    const other = await ChatUser.greetedForResume(port)
    expect(await other.refusalOf((correlation) => resume(lost.ticket, [], correlation))).toBe('TICKET_INVALID')
    await gone(scene, other)
    await gone(scene, await ChatUser.comeBack(port, back))
  }))

test('AUTH_OK lost: the token is still good', () =>
  besideBystanders(async (scene) => {
    const { port, tokenOf, sessionCount } = scene
    const token = await tokenOf('mallory')
    const client = await ChatUser.greetedForResume(port)
    client.stopReading()
    client.send(auth(token, 1))
    await expect.poll(sessionCount).toBe(3)
    await gone(scene, client)
    const again = await ChatUser.login(port, token, hello({ features: Feature.Resume }))
    expect(again.ticket.length).toBeGreaterThan(0)
    await gone(scene, again)
  }))
