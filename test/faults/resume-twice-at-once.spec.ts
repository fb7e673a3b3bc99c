/** One ticket, many connections: one of them has the session at the end, and all others know why they have not. */
import { expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { Feature } from '../../src/protocol/constants.js'
import { ChatUser, resume } from '../support/chat-user.js'
import { hello, type RawClient } from '../support/raw-client.js'
import { expectChain } from '../support/room-chain.js'
import { besideBystanders } from './bystanders.js'

const isClosed = ({ inbox }: RawClient): boolean => inbox.at(-1)?.kind === 'close'

test.each([2, 20])('%i at once: the last to come has it, the others are TAKEN_OVER', (count) =>
  besideBystanders(async (scene) => {
    const { port, tokenOf, server, sessionCount, chatter } = scene
    const first = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Resume }))
    const from = await first.join('lobby')
    const crowd = await Promise.all(Array.from({ length: count }, () => ChatUser.greetedForResume(port)))
    // The first one is still there: it is one of those who lose.
    for (const client of crowd) client.send(resume(first.ticket, first.positions, 1))
    const all = [first, ...crowd]
    await expect.poll(() => all.filter(isClosed).length).toBe(count)
    for (const client of all.filter(isClosed)) {
      expect(client.inbox.at(-1)).toMatchObject({ kind: 'close', code: CloseCode.TakenOver })
      client.end()
    }
    const [winner] = all.filter((client) => !isClosed(client))
    expect(sessionCount()).toBe(3)
    expect(crowd).toContain(winner)
    await chatter()
    await expect.poll(() => expectChain({ packets: winner?.inbox ?? [] }, from)).toBe(from.seq + 2)
    // Nobody else heard it.
    for (const client of crowd)
      expect(client.inbox.filter(({ kind }) => kind === 'deliver')).toHaveLength(client === winner ? 2 : 0)
    winner?.reset()
    await expect.poll(() => server.connectionCount).toBe(2)
  }),
)

test('with the ticket and the next one at once only the newest comer stays', () =>
  besideBystanders(async ({ port, tokenOf, sessionCount }) => {
    const first = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Resume }))
    const second = await ChatUser.comeBack(port, first)
    await first.expectClosedAtLast('TakenOver')
    const [older, newer] = [await ChatUser.greetedForResume(port), await ChatUser.greetedForResume(port)]
    older.send(resume(first.ticket, [], 1))
    newer.send(resume(second.ticket, [], 1))
    // Whoever of them came first: in the end one has the session, and one client was told why it has not.
    await expect.poll(() => [second, older, newer].filter(isClosed).length).toBeGreaterThan(0)
    await expect.poll(sessionCount).toBe(3)
    for (const client of [first, second, older, newer]) client.reset()
  }))
