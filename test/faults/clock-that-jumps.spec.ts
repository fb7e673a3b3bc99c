/** Somebody sets the machine's clock: tickets end early or late by as much, and nobody is locked out or let in for it. */
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { ChatUser, resume } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, type Scene } from './bystanders.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const greeting = hello({ features: Feature.Resume })

async function away({ port, tokenOf, server }: Scene, ttlSeconds = 600): Promise<ChatUser> {
  const mallory = await ChatUser.login(port, await tokenOf('mallory', { ttlSeconds }), greeting)
  await mallory.join('lobby')
  mallory.reset()
  await expect.poll(() => server.connectionCount).toBe(2)
  return mallory
}

async function gone({ server }: Scene, client: ChatUser): Promise<void> {
  client.reset()
  await expect.poll(() => server.connectionCount).toBe(2)
}

/** The wall clock as it is wrong by `ms`, while `meanwhile` happens, and right again. The bystanders' tokens never end. */
async function whileWrongBy(scene: Scene, ms: number, meanwhile: () => Promise<void>): Promise<void> {
  const { clock } = scene
  clock.setWallClock(clock.now() + ms)
  await meanwhile()
  clock.setWallClock(clock.now() - ms)
}

test('set ahead beyond the ticket: refused, and good again when the clock is right', () =>
  besideBystanders(async (scene) => {
    const mallory = await away(scene)
    await whileWrongBy(scene, HOUR_MS, async () => {
      const client = await ChatUser.greetedForResume(scene.port)
      expect(await client.refusalOf((correlation) => resume(mallory.ticket, [], correlation))).toBe('TICKET_INVALID')
      await gone(scene, client)
    })
    const back = await ChatUser.comeBack(scene.port, mallory)
    expect(back.granted?.session).toBe(mallory.granted?.session)
    await scene.chatter()
    expect(await back.records('lobby', 2)).toHaveLength(2)
    await gone(scene, back)
  }))

test.each([-HOUR_MS, -20 * HOUR_MS])('set back by %i ms: the ticket is good, the next one, too', (ms) =>
  besideBystanders(async (scene) => {
    const mallory = await away(scene)
    await whileWrongBy(scene, ms, async () => {
      const back = await ChatUser.comeBack(scene.port, mallory)
      await back.showsTicket()
      await gone(scene, back)
      await gone(scene, await ChatUser.comeBack(scene.port, back))
    })
  }),
)

test('set back by years: refused, and the token, which is of the future then, as well', () =>
  besideBystanders(async (scene) => {
    const mallory = await away(scene)
    const token = await scene.tokenOf('mallory')
    await whileWrongBy(scene, -3_650 * DAY_MS, async () => {
      const client = await ChatUser.greetedForResume(scene.port)
      expect(await client.refusalOf((correlation) => resume(mallory.ticket, [], correlation))).toBe('TICKET_INVALID')
      expect(await client.refusalOf((correlation) => ({ kind: 'auth', correlation, redirects: 0, token }))).toBe(
        'TOKEN_INVALID',
      )
      client.end()
      await expect.poll(() => scene.server.connectionCount).toBe(2)
    })
    await gone(scene, await ChatUser.comeBack(scene.port, mallory))
  }))

test('records that were stamped in the future are caught up with in order', () =>
  besideBystanders(async (scene) => {
    const mallory = await away(scene)
    await whileWrongBy(scene, 50_000, async () => {
      await scene.alice.says('lobby', 'from the future')
    })
    await scene.alice.says('lobby', 'from now')
    const lines = ['from the future', 'from now']
    for (const person of [scene.alice, scene.bob]) await person.hears('lobby', lines)
    const back = await ChatUser.comeBack(scene.port, mallory)
    const [future, now] = await back.hears('lobby', lines)
    expect(future?.timeMs).toBe((now?.timeMs ?? 0) + 50_000)
    await gone(scene, back)
  }))
