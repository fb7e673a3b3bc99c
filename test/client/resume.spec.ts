/** Taking a session up again: tickets, positions, and what the loops of the rooms see of it. */
import { describe, expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { Feature } from '../../src/protocol/constants.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { trustedEpoch } from '../../src/protocol/ids.js'
import { GapReason, ResumeOutcome } from '../../src/protocol/packets.js'
import {
  answerHistory,
  countedDice,
  failure,
  GRANT,
  joinLobby,
  last,
  logIn,
  lose,
  rejoinLobby,
  resume,
  settled,
  showTicket,
  startResumable,
  take,
} from './chat-harness.js'
import { authOk, deliver, EPOCH, gap, joined, LOBBY, refused, resumed, resumedLobby, texts } from './scripted-server.js'

describe('the ticket', () => {
  test('of AUTH_OK is shown, with where each room stands', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([5, 6]))
    await take(room, 2)
    await lose(chat)
    const [, { ticket, positions }] = await showTicket(chat)
    expect(ticket).toEqual(GRANT.ticket)
    expect(positions).toEqual([{ room: LOBBY, epoch: EPOCH, seq: 6 }])
  })

  test('that TICKET or RESUMED brings takes its place', async () => {
    const chat = await startResumable()
    chat.served.send({ kind: 'ticket', expiresAtMs: 0, ticket: Buffer.from('renewed') })
    await chat.served.expectNothing()
    await lose(chat)
    const [served, { correlation, ticket }] = await showTicket(chat)
    expect(ticket.toString()).toBe('renewed')
    served.send(resumed(correlation, { ticket: Buffer.from('of RESUMED') }))
    await last({ ...chat, served })
    await lose({ ...chat, served })
    const [, again] = await showTicket(chat)
    expect(again.ticket.toString()).toBe('of RESUMED')
  })

  test('that a refresh brings takes its place', async () => {
    const grant = { ...GRANT, expiresAtMs: 1_700_000_000_000 + 10_000 }
    const chat = await startResumable({ token: () => 'fresh' }, grant)
    chat.clock.advance(9000)
    const { correlation } = await chat.served.expect('auth')
    chat.served.send(authOk({ correlation, ticket: Buffer.from('of the refresh') }))
    await chat.served.expectNothing()
    await lose(chat)
    const [, { ticket }] = await showTicket(chat)
    expect(ticket.toString()).toBe('of the refresh')
  })

  test('is shown again when RESUMED was lost on its way', async () => {
    const dice = countedDice()
    const chat = await startResumable(dice)
    await lose(chat)
    const [served] = await showTicket(chat)
    served.socket.resetAndDestroy()
    await expect.poll(dice.throws).toBe(2)
    chat.clock.advance(125)
    const [, { ticket }] = await showTicket(chat)
    expect(ticket).toEqual(GRANT.ticket)
  })

  test('makes the token needless', async () => {
    let asked = 0
    const chat = await startResumable({ token: () => `token ${++asked}` })
    await resume(chat)
    expect(asked).toBe(1)
    expect(chat.client.session).toMatchObject({ user: 'alice', session: 's1', dedupWindowMs: 120_000 })
  })

  test('is shown again later where the token is refused for now, too', async () => {
    const chat = await startResumable()
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    served.send(refused(correlation, ErrorCode.LogUnavailable))
    served.send(refused((await served.expect('auth')).correlation, ErrorCode.Internal, 1000))
    await served.expectEnd()
    chat.clock.advance(1000)
    await settled()
    expect(chat.server.connections).toHaveLength(2)
    chat.clock.advance(125)
    const [, { ticket }] = await showTicket(chat)
    expect(ticket).toEqual(GRANT.ticket)
  })

  test('is answered behind an event, which nobody waits for', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    const body = encodeBody({ room: 'den', reason: 'kicked' })
    served.send({ kind: 'event', priority: 0, metadata: undefined, pattern: 'rooms.left', body })
    served.send(resumed(correlation, { rooms: [resumedLobby(4, 4)] }), deliver([5]))
    expect(await take(room, 1)).toEqual([5])
  })
})

describe('a ticket that is refused', () => {
  test.each([
    ErrorCode.TicketInvalid,
    ErrorCode.FeatureOff,
    ErrorCode.NoHandler,
    ErrorCode.LogUnavailable,
    ErrorCode.CommitFailed,
  ])('with %i is followed by the token, and JOIN for each room', async (code) => {
    let asked = 0
    const chat = await startResumable({ token: () => `token ${++asked}` })
    const room = await joinLobby(chat, 4)
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    served.send(refused(correlation, code))
    expect((await logIn(served)).token).toBe('token 2')
    await rejoinLobby(served, 9)
    await answerHistory(served, 4, texts([8, 9]))
    served.send(deliver([10]))
    expect(await take(room, 4)).toEqual(['trimmed 4-7', 8, 9, 10])
  })

  test('is followed by nothing more than that when AUTH_OK is lost on its way', async () => {
    const dice = countedDice()
    const chat = await startResumable(dice)
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    served.send(refused(correlation, ErrorCode.TicketInvalid))
    await served.expect('auth')
    served.socket.resetAndDestroy()
    await expect.poll(dice.throws).toBe(2)
    chat.clock.advance(125)
    const [again, second] = await showTicket(chat)
    again.send(refused(second.correlation, ErrorCode.TicketInvalid))
    await logIn(again)
    await expect.poll(() => chat.client.status).toBe('connected')
  })

  test('ends the client if the token is refused, too', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    served.send(refused(correlation, ErrorCode.TicketInvalid))
    served.send(refused((await served.expect('auth')).correlation, ErrorCode.TokenExpired))
    expect(await failure(take(room, 1))).toMatchObject({ code: 'TOKEN_EXPIRED' })
    expect(chat.client.status).toBe('closed')
  })

  test('is not shown to a server that resumes nothing', async () => {
    const chat = await startResumable()
    await lose(chat)
    chat.clock.advance(125)
    const served = await chat.server.greet({ features: 0 })
    await logIn(served, {})
    await expect.poll(() => chat.client.status).toBe('connected')
  })

  test('waits for a token function, and for no longer than the connect timeout', async () => {
    const chat = await startResumable({ token: neverAfterTheFirst(), connectTimeoutMs: 5000 })
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    served.send(refused(correlation, ErrorCode.TicketInvalid))
    await served.expectNothing()
    chat.clock.advance(5000)
    await served.expectEnd()
    expect(chat.client.status).toBe('reconnecting')
  })
})

function neverAfterTheFirst(): () => string | Promise<string> {
  let asked = 0
  return () => (++asked === 1 ? 'token' : new Promise<string>(() => undefined))
}

describe('a room', () => {
  test('goes on from its position: each record once, in order', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([5, 6]))
    const { served } = await resume(chat, { rooms: [resumedLobby(6, 8)] })
    served.send(deliver([6, 7], { firstPrev: 5 }), deliver([8]), deliver([9]))
    expect(await take(room, 5)).toEqual([5, 6, 7, 8, 9])
    await served.expectNothing()
  })

  test('takes deliveries that come in one piece with RESUMED', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    served.send(resumed(correlation, { rooms: [resumedLobby(4, 6)] }), deliver([5, 6]))
    expect(await take(room, 2)).toEqual([5, 6])
    await served.expectNothing()
  })

  test('fills a hole that RESUMED did not tell of', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    const { served } = await resume(chat)
    served.send(deliver([7]))
    await answerHistory(served, 4, texts([5, 6, 7]))
    expect(await take(room, 3)).toEqual([5, 6, 7])
  })

  test('tells what is gone before it goes on', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    const { served } = await resume(chat, { rooms: [resumedLobby(4, 30, { outcome: ResumeOutcome.Gap })] })
    served.send(gap(4, 20, GapReason.Trimmed), deliver([21]))
    const items = room[Symbol.asyncIterator]()
    expect((await items.next()).value).toEqual({ kind: 'gap', room: 'lobby', from: 4, to: 20, reason: 'trimmed' })
    expect(await take(room, 1)).toEqual([21])
  })

  test('tells that the log is shorter than what was shown', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 9)
    const { served } = await resume(chat, { rooms: [resumedLobby(3, 3, { outcome: ResumeOutcome.Gap })] })
    served.send(gap(3, 3, GapReason.AheadOfLog), deliver([4]), deliver([5]))
    expect(await take(room, 3)).toEqual(['aheadOfLog 9-3', 4, 5])
  })

  test('tells that the log was begun anew', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 9)
    const outcome = { outcome: ResumeOutcome.Gap, epoch: trustedEpoch(8) }
    const { served } = await resume(chat, { rooms: [resumedLobby(12, 12, outcome)] })
    served.send(gap(0, 12, GapReason.EpochChanged, 8), deliver([13], { epoch: 8 }))
    expect(await take(room, 2)).toEqual(['epochChanged 0-12', 13])
    await served.expectNothing()
  })

  test('ends where the user is a member no more', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    const { served } = await resume(chat, { rooms: [resumedLobby(0, 0, { outcome: ResumeOutcome.NotAMember })] })
    expect(await take(room, 1)).toEqual(['end'])
    expect(room.endReason).toBe('notAMember')
    await served.expectNothing()
  })

  test('that RESUMED does not tell of is joined', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    const { served } = await resume(chat, { rooms: [] })
    await rejoinLobby(served, 4)
    served.send(deliver([5]))
    expect(await take(room, 1)).toEqual([5])
  })

  test('that nobody reads goes on from what it holds, and reads the rest later', async () => {
    const chat = await startResumable({ roomBuffer: { maxItems: 2, maxBytes: 1024 } })
    const room = await joinLobby(chat, 0)
    chat.served.send(deliver([1]), deliver([2]), deliver([3]))
    await chat.served.expectNothing()
    await lose(chat)
    const [served, { correlation, positions }] = await showTicket(chat)
    expect(positions).toEqual([{ room: LOBBY, epoch: EPOCH, seq: 2 }])
    served.send(resumed(correlation, { rooms: [resumedLobby(2, 4)] }), deliver([3, 4]))
    await served.expectNothing()
    const reading = take(room, 4)
    await answerHistory(served, 2, texts([3, 4]))
    expect(await reading).toEqual([1, 2, 3, 4])
  })

  test('that is joined while there is no connection is joined by the next', async () => {
    const chat = await startResumable()
    await lose(chat)
    const joining = chat.client.join('lobby')
    const [served, { correlation, positions }] = await showTicket(chat)
    expect(positions).toEqual([])
    served.send(resumed(correlation))
    served.send(joined((await served.expect('join')).correlation, 4), deliver([5]))
    expect(await take(await joining, 1)).toEqual([5])
  })

  test('whose JOINED was lost is joined again', async () => {
    const chat = await startResumable()
    const joining = chat.client.join('lobby')
    await chat.served.expect('join')
    const { served } = await resume(chat)
    served.send(joined((await served.expect('join')).correlation, 4), deliver([5]))
    expect(await take(await joining, 1)).toEqual([5])
    await served.expectNothing()
  })

  test('is not waited for any longer than asked', async () => {
    const chat = await startResumable()
    await lose(chat)
    const joining = failure(chat.client.join('lobby', { deadlineMs: 100 }))
    chat.clock.advance(100)
    expect(await joining).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    chat.clock.advance(25)
    const served = await chat.server.greet({ features: Feature.Resume })
    served.send(resumed((await served.expect('resume')).correlation))
    await served.expectNothing()
  })
})

describe('the end', () => {
  test('comes when another connection has taken the session over', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([5]))
    chat.served.closeWith(CloseCode.TakenOver)
    expect(await take(room, 1)).toEqual([5])
    expect(await failure(take(room, 1))).toMatchObject({ code: 'TAKEN_OVER', retryClass: 'never' })
    expect(chat.client.error).toMatchObject({ code: 'TAKEN_OVER' })
    await expect.poll(() => chat.clock.timers).toBe(0)
  })

  test('comes when the ticket is taken elsewhere at the same time', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    await lose(chat)
    const waiting = failure(chat.client.join('den'))
    const [served] = await showTicket(chat)
    served.closeWith(CloseCode.TakenOver)
    expect(await failure(take(room, 1))).toMatchObject({ code: 'TAKEN_OVER' })
    expect(await waiting).toMatchObject({ code: 'TAKEN_OVER' })
    expect(chat.client.status).toBe('closed')
  })

  test('comes at once when it is closed while it connects', async () => {
    const chat = await startResumable()
    const room = await joinLobby(chat, 4)
    await lose(chat)
    const joining = failure(chat.client.join('den'))
    const [served] = await showTicket(chat)
    await chat.client.close()
    expect(await take(room, 1)).toEqual(['end'])
    expect(await joining).toMatchObject({ code: 'CLOSED' })
    await served.expectEnd()
    expect(chat.clock.timers).toBe(0)
  })
})
