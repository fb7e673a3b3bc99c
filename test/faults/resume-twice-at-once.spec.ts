/** One ticket, many connections: one of them has the session at the end, and all others know why they have not. */
import { expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { Feature } from '../../src/protocol/constants.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
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

test('with the ticket and the next one at once the first to be heard stays, and makes the other ticket void', () =>
  besideBystanders(async ({ port, tokenOf, sessionCount }) => {
    const first = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Resume }))
    const second = await ChatUser.comeBack(port, first)
    await first.expectClosedAtLast('TakenOver')
    const crowd = [await ChatUser.greetedForResume(port), await ChatUser.greetedForResume(port)]
    for (const [index, { ticket }] of [first, second].entries()) crowd[index]?.send(resume(ticket, [], 77))
    await second.expectClosedAtLast('TakenOver')
    const answerOf = ({ inbox }: RawClient): unknown => inbox.find(({ kind }) => kind === 'resumed' || kind === 'error')
    await expect.poll(() => crowd.filter((client) => answerOf(client) !== undefined)).toHaveLength(2)
    const [winners, losers] = [
      crowd.filter(({ inbox }) => inbox.some(({ kind }) => kind === 'resumed')),
      crowd.filter(({ inbox }) => inbox.some(({ kind }) => kind === 'error')),
    ]
    expect([winners.length, losers.length, sessionCount()]).toEqual([1, 1, 3])
    for (const loser of losers) expect(answerOf(loser)).toMatchObject({ code: ErrorCode.TicketInvalid })
    const { session } = first.granted ?? {}
    for (const winner of winners) expect(await winner.request('auth.whoami')).toMatchObject({ session })
    for (const client of [first, second, ...crowd]) client.reset()
  }))
