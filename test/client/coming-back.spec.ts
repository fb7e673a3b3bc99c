/** Coming back to a server that does not resume sessions: a new session joins the rooms again. */
import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { connect, type ConnectionStatus } from '../../src/client/index.js'
import {
  answerHistory,
  answerMembership,
  comeBack,
  failure,
  joinLobby,
  last,
  lose,
  rejoinLobby,
  settled,
  startChat,
  take,
} from './chat-harness.js'
import { deliver, joined, refused, ScriptedServer, texts, welcome } from './scripted-server.js'

describe('coming back', () => {
  test('waits its part of the window, then joins and fills what was missed', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.send(deliver([5]))
    expect(await take(room, 1)).toEqual([5])
    await lose(chat)
    chat.clock.advance(124)
    await settled()
    expect(chat.server.connections).toHaveLength(1)
    chat.clock.advance(1)
    const served = await chat.server.admit()
    await rejoinLobby(served, 8)
    await answerHistory(served, 5, texts([6, 7, 8]))
    served.send(deliver([9]))
    expect(await take(room, 4)).toEqual([6, 7, 8, 9])
    await served.expectNothing()
  })

  test('tells that the log is shorter than it was', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9)
    await lose(chat)
    const { served } = await comeBack(chat)
    await rejoinLobby(served, 3)
    served.send(deliver([4]))
    expect(await take(room, 2)).toEqual(['aheadOfLog 9-3', 4])
  })

  test('tells that the log was begun anew', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9)
    await lose(chat)
    const { served } = await comeBack(chat)
    await rejoinLobby(served, 3, 8)
    served.send(deliver([4], { epoch: 8 }))
    expect(await take(room, 2)).toEqual(['epochChanged 0-3', 4])
  })

  test.each([
    [ErrorCode.NotAMember, 'notAMember'],
    [ErrorCode.RoomNotFound, 'notAMember'],
    [ErrorCode.Banned, 'banned'],
  ])('joins no room that says %i: its loop ends', async (code, reason) => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9)
    await lose(chat)
    const { served } = await comeBack(chat)
    await answerMembership(served, code)
    expect(await take(room, 1)).toEqual(['end'])
    expect(room.endReason).toBe(reason)
    await served.expectNothing()
    expect(chat.client.status).toBe('connected')
  })

  test('joins again where nobody can say whether it is a member', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9)
    await lose(chat)
    const { served } = await comeBack(chat)
    await answerMembership(served, ErrorCode.NoHandler)
    served.send(joined((await served.expect('join')).correlation, 9), deliver([10]))
    expect(await take(room, 1)).toEqual([10])
  })

  test('ends the room that it may not join again, with the error', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9)
    await lose(chat)
    const { served } = await comeBack(chat)
    await answerMembership(served)
    served.send(refused((await served.expect('join')).correlation, ErrorCode.TooManyRooms))
    expect(await failure(take(room, 1))).toMatchObject({ code: 'TOO_MANY_ROOMS' })
    expect(chat.client.status).toBe('connected')
  })

  test('asks again when the room cannot be had just now', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 9)
    await lose(chat)
    const { served } = await comeBack(chat)
    await answerMembership(served)
    served.send(refused((await served.expect('join')).correlation, ErrorCode.LogUnavailable, 500))
    await served.expectNothing()
    chat.clock.advance(624)
    await served.expectNothing()
    chat.clock.advance(1)
    await rejoinLobby(served, 9)
    served.send(deliver([10]))
    expect(await take(room, 1)).toEqual([10])
  })

  test('tells each change of its status', async () => {
    const chat = await startChat()
    const heard: ConnectionStatus[] = []
    chat.client.onStatus((status) => heard.push(status))
    await lose(chat)
    await comeBack(chat)
    await expect.poll(() => heard).toEqual(['reconnecting', 'connected'])
    await chat.client.close()
    expect(heard).toEqual(['reconnecting', 'connected', 'closed'])
  })

  test('asks for a token anew, each time', async () => {
    let tokens = 0
    const chat = await startChat({ token: () => `token ${++tokens}` })
    await lose(chat)
    chat.clock.advance(125)
    const served = await chat.server.accept()
    await served.expect('hello')
    served.send(welcome())
    expect((await served.expect('auth')).token).toBe('token 2')
  })

  test('waits as long as a close of class later asks', async () => {
    const chat = await startChat()
    chat.served.closeWith(CloseCode.ShuttingDown, { retryAfterMs: 5000 })
    await expect.poll(() => chat.client.status).toBe('reconnecting')
    chat.clock.advance(5124)
    await settled()
    expect(chat.server.connections).toHaveLength(1)
    chat.clock.advance(1)
    await chat.server.admit()
  })

  test('keeps the time slot of a GOAWAY', async () => {
    const chat = await startChat()
    chat.served.send({ kind: 'goAway', code: CloseCode.ShuttingDown, slotMs: 3000, deadlineMs: 9000, target: '' })
    chat.served.closeWith(CloseCode.ShuttingDown)
    await expect.poll(() => chat.client.status).toBe('reconnecting')
    chat.clock.advance(2999)
    await settled()
    expect(chat.server.connections).toHaveLength(1)
    chat.clock.advance(1)
    await chat.server.admit()
  })

  test('stops at a close of class never, and ends every room with it', async () => {
    const chat = await startChat()
    const room = await joinLobby(chat, 4)
    chat.served.closeWith(CloseCode.OutOfState)
    expect(await failure(take(room, 1))).toMatchObject({ code: 'OUT_OF_STATE', retryClass: 'never' })
    expect(chat.client.status).toBe('closed')
    expect(chat.client.error).toMatchObject({ code: 'OUT_OF_STATE' })
    await expect.poll(() => chat.clock.timers).toBe(0)
  })

  test('stops when the new token is refused', async () => {
    const chat = await startChat()
    await lose(chat)
    chat.clock.advance(125)
    const served = await chat.server.accept()
    await served.expect('hello')
    served.send(welcome())
    const { correlation } = await served.expect('auth')
    served.send({ kind: 'error', correlation, code: 5, retryAfterMs: 0, message: 'bad', body: Buffer.alloc(0) })
    await expect.poll(() => chat.client.status).toBe('closed')
    expect(chat.client.error).toMatchObject({ code: 'TOKEN_INVALID' })
  })

  test('backs off further each time it fails', async () => {
    let throws = 0
    const random = () => {
      throws += 1
      return 0.5
    }
    const chat = await startChat({ random })
    await lose(chat)
    for (const waitMs of [125, 250, 500]) {
      chat.clock.advance(waitMs - 1)
      await settled()
      const before = chat.server.connections.length
      chat.clock.advance(1)
      const served = await chat.server.accept()
      expect(chat.server.connections).toHaveLength(before + 1)
      const thrown = throws
      served.socket.resetAndDestroy()
      await expect.poll(() => throws).toBe(thrown + 1)
    }
  })

  test('waits as little after the tenth connection that lasted as after the first', async () => {
    let chat = await startChat()
    for (let times = 0; times < 10; times += 1) {
      await last(chat)
      await lose(chat)
      chat.clock.advance(124)
      await settled()
      expect(chat.server.connections).toHaveLength(times + 1)
      chat.clock.advance(1)
      chat = { ...chat, served: await chat.server.admit() }
    }
  })

  test('backs off from a server that takes it and falls over', async () => {
    let chat = await startChat()
    for (const waitMs of [125, 250, 500]) {
      await lose(chat)
      chat.clock.advance(waitMs - 1)
      await settled()
      const before = chat.server.connections.length
      chat.clock.advance(1)
      chat = { ...chat, served: await chat.server.admit() }
      expect(chat.server.connections).toHaveLength(before + 1)
      await chat.served.expectNothing()
    }
  })

  test('does not come back once it is closed', async () => {
    const chat = await startChat()
    await lose(chat)
    await chat.client.close()
    chat.clock.advance(60_000)
    await settled()
    expect(chat.server.connections).toHaveLength(1)
    expect(chat.clock.timers).toBe(0)
  })

  test('tries the first connection once', async () => {
    const server = await ScriptedServer.start()
    const { port } = server
    await server.stop()
    expect(await failure(connect({ port }))).toMatchObject({ code: 'ECONNREFUSED' })
  })
})
