/** After an outage everybody is back in one moment: so many are let in a second, the rest each have a time of their own. */
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ChatUser, auth, resume } from '../support/chat-user.js'
import { RawClient, hello } from '../support/raw-client.js'
import { besideBystanders } from './bystanders.js'

const CROWD = 200
const PER_SECOND = 20
const greeting = hello({ features: Feature.Resume })

/** Let in, or told when to come back. */
async function knock(port: number, ticket: Buffer): Promise<{ client?: RawClient; retryAfterMs?: number }> {
  const client = await RawClient.connect(port)
  client.send(greeting, resume(ticket, [], 1))
  await client.expect('welcome')
  const answer = await client.next()
  if (answer?.kind === 'resumed') return { client }
  client.end()
  if (answer?.kind !== 'close' || answer.code !== CloseCode.TooManyLogins) throw new Error(`got ${answer?.kind}`)
  return { retryAfterMs: answer.retryAfterMs }
}

test('the crowd gets in as fast as it may, each of them in the end, and nobody else suffers', () =>
  besideBystanders(
    async (scene) => {
      const { port, tokenOf, clock, server, chatter } = scene
      const tickets: Buffer[] = []
      while (tickets.length < CROWD) {
        const user = await ChatUser.login(port, await tokenOf(`guest-${tickets.length}`, { ttlSeconds: 600 }), greeting)
        tickets.push(user.ticket)
        user.end()
        clock.advance(50)
      }
      await expect.poll(() => server.connectionCount).toBe(2)
      clock.advance(2_000)

      const inside: RawClient[] = []
      const waits: number[] = []
      let outside = tickets.map((ticket) => ({ ticket, atMs: 0 }))
      for (let nowMs = 0; outside.length > 0; nowMs += 1_000) {
        const due = outside.filter(({ atMs }) => atMs <= nowMs)
        const answers = await Promise.all(due.map(({ ticket }) => knock(port, ticket)))
        inside.push(...answers.flatMap(({ client }) => client ?? []))
        const refused = due.flatMap(({ ticket }, index) => {
          const { retryAfterMs } = answers[index] ?? {}
          return retryAfterMs === undefined ? [] : { ticket, atMs: nowMs + retryAfterMs }
        })
        outside = [...outside.filter(({ atMs }) => atMs > nowMs), ...refused]
        waits.push(...refused.map(({ atMs }) => atMs - nowMs))
        expect(nowMs).toBeLessThan(30_000)
        expect(inside.length).toBeLessThanOrEqual(PER_SECOND * (nowMs / 1_000 + 1))
        clock.advance(1_000)
      }
      expect(inside).toHaveLength(CROWD)
      expect(new Set(waits).size).toBeGreaterThan(waits.length / 2)
      await chatter()
      for (const client of inside) client.reset()
      await expect.poll(() => server.connectionCount).toBe(2)
    },
    {
      NESTWIRE_LOGINS_PER_SECOND: String(PER_SECOND),
      // The bystanders hear nothing of the time that passes.
      NESTWIRE_PING_INTERVAL_MS: '3600000',
      NESTWIRE_IDLE_TIMEOUT_MS: '7200000',
    },
  ))

test('logins are counted with resumes, refreshes and what is refused are not', () =>
  besideBystanders(
    async ({ port, tokenOf, clock, greeted, server, bob }) => {
      clock.advance(1_000)
      const token = await tokenOf('guest')
      const stranger = await ChatUser.greetedForResume(port)
      for (let index = 0; index < 50; index += 1) {
        expect(await stranger.refusalOf((correlation) => resume(Buffer.alloc(99), [], correlation))).toBe(
          'TICKET_INVALID',
        )
      }
      for (let index = 0; index < 50; index += 1) await bob.authenticate(await tokenOf('bob'))
      const inside: RawClient[] = [stranger]
      for (let index = 0; index < 5; index += 1) {
        const client = await greeted()
        await client.ask(auth(token, 1), 'authOk')
        inside.push(client)
      }
      const tooMany = await greeted()
      tooMany.send(auth(token, 1))
      await tooMany.expectClosed('TooManyLogins')
      tooMany.end()
      for (const client of inside) client.reset()
      await expect.poll(() => server.connectionCount).toBe(2)
    },
    { NESTWIRE_LOGINS_PER_SECOND: '5' },
  ))
