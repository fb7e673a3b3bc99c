import type { ChatService } from 'nestwire'
import type { Observable } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Room } from '../../src/client/room.js'
import { startPath } from '../client/cuttable-path.js'
import { runApp } from '../support/running-app.js'
import { nextTexts, startScene, startService, textOf, type ChatScene } from './chat-scene.js'
import { failureOf, Gate } from './nest-apps.js'

/** Notes what comes and how it ends. */
function watch<Value>(values: Observable<Value>) {
  const seen: Value[] = []
  let end: unknown
  const subscription = values.subscribe({
    next: (value) => seen.push(value),
    error: (error: unknown) => (end = error),
    complete: () => (end = 'completed'),
  })
  onTestFinished(() => subscription.unsubscribe())
  return { seen, end: () => end, stop: () => subscription.unsubscribe() }
}

/** So many members hear the room. */
const hear = async ({ chat }: Pick<ChatScene, 'chat'>, room: string, online: number): Promise<void> => {
  await expect.poll(async () => (await chat.rooms.info(room)).online).toBe(online)
}

/** What alice says in the room arrives: the join is over. */
const hearsAlice = async ({ chat }: ChatScene, room: Room): Promise<void> => {
  const { seen, stop } = watch(chat.onMessage(room.name))
  await hear({ chat }, room.name, 2)
  await room.publish('is anybody there?')
  await expect.poll(() => seen.map(textOf)).toContain('is anybody there?')
  stop()
}

const say = async (chat: ChatService, room: string, texts: readonly string[]): Promise<void> => {
  for (const text of texts) await chat.send(room, text)
}

describe('messages', () => {
  test('are those that come after the join, in order', async () => {
    const scene = await startScene()
    const lobby = await scene.enter('lobby')
    const texts = nextTexts(scene.chat.messages('lobby'), 3)
    await hear(scene, 'lobby', 2)
    for (const text of ['one', 'two', 'three']) await lobby.publish(text)
    expect(await texts).toEqual(['one', 'two', 'three'])
  })

  test('begin after the seq that is asked for', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    const { seq } = await chat.send('lobby', 'seen')
    await say(chat, 'lobby', ['missed', 'missed too'])
    expect(await nextTexts(chat.messages('lobby', { after: seq }), 2)).toEqual(['missed', 'missed too'])
  })

  test('a loop may send for each item', async () => {
    const { chat, enter } = await startScene({ roomBuffer: { maxItems: 2, maxBytes: 1024 } })
    const lobby = await enter('lobby')
    const answers: string[] = []
    const loop = (async () => {
      for await (const item of chat.messages('lobby', { after: 0 })) {
        if (item.kind !== 'text' || item.sender === 'service') continue
        await chat.send('lobby', `re: ${item.text}`)
        answers.push(item.text)
        if (answers.length === 20) break
      }
    })()
    await Promise.all(Array.from({ length: 20 }, (_, index) => lobby.publish(String(index))))
    await loop
    expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => String(index)))
  })

  test('come once and in order over lost connections', async () => {
    const server = await runApp()
    const path = await startPath(server.address.port)
    const token = await server.tokenOf('service', { role: 'service' })
    const { chat: listening } = await startService({ port: path.port, token, random: () => 0 })
    const { chat: talking } = await startService({ port: server.address.port, token })
    await talking.rooms.create('lobby')
    const expected = Array.from({ length: 40 }, (_, index) => String(index))
    const texts = nextTexts(listening.messages('lobby', { after: 0 }), 40)
    for (const [index, text] of expected.entries()) {
      await talking.send('lobby', text)
      if (index % 10 === 5) path.cut()
    }
    expect(await texts).toEqual(expected)
  })

  test('begin after the seq that is asked for in a room that others read already', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    const { seq } = await chat.send('lobby', 'seen')
    const texts = Array.from({ length: 300 }, (_, index) => String(index))
    await Promise.all(texts.map((text) => chat.send('lobby', text)))
    const first = watch(chat.onMessage('lobby'))
    await hear({ chat }, 'lobby', 1)
    const late = [1, 2].map(() => nextTexts(chat.messages('lobby', { after: seq }), 400))
    const more = Array.from({ length: 100 }, (_, index) => `more ${index}`)
    await say(chat, 'lobby', more)
    for (const seen of late) expect(await seen).toEqual([...texts, ...more])
    await expect.poll(() => first.seen.at(-1)).toMatchObject({ text: 'more 99' })
  })

  test('who leaves while it catches up holds nobody up', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    await say(chat, 'lobby', ['one', 'two', 'three'])
    const first = watch(chat.onMessage('lobby'))
    await hear({ chat }, 'lobby', 1)
    const gate = new Gate()
    const late = watch(chat.onMessage('lobby', () => gate.pass(), { after: 0 }))
    await gate.reached
    late.stop()
    await say(chat, 'lobby', ['four', 'five'])
    await expect.poll(() => first.seen.map(textOf)).toEqual(['four', 'five'])
  })

  test('a position that cannot be fails its own loop, the others go on', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    const first = watch(chat.onMessage('lobby'))
    await hear({ chat }, 'lobby', 1)
    expect(await failureOf(nextTexts(chat.messages('lobby', { after: -1 }), 1))).toMatchObject({ code: 'BAD_PAYLOAD' })
    await say(chat, 'lobby', ['one', 'two'])
    await expect.poll(() => first.seen.map(textOf)).toEqual(['one', 'two'])
  })

  test('a room that cannot be fails the loop with its code', async () => {
    const { chat } = await startScene()
    expect(await failureOf(nextTexts(chat.messages(''), 1))).toMatchObject({ code: 'BAD_FIELD' })
  })
})

describe('onMessage', () => {
  test('joins when somebody subscribes, and for all of them once', async () => {
    const scene = await startScene()
    const { chat, server, enter } = scene
    const lobby = await enter('lobby')
    const messages = chat.onMessage('lobby')
    await chat.rooms.list()
    expect(server.server.connectionCount).toBe(2)
    expect(await chat.rooms.info('lobby')).toMatchObject({ members: 1 })
    const watched = [watch(messages), watch(chat.onMessage('lobby'))]
    await hear(scene, 'lobby', 2)
    await lobby.publish('for both')
    for (const { seen } of watched) await expect.poll(() => seen.map(textOf)).toEqual(['for both'])
    expect(server.server.connectionCount).toBe(2)
  })

  test('takes the next item only when the work on the last is done', async () => {
    const { chat } = await startScene({ roomBuffer: { maxItems: 4, maxBytes: 1024 } })
    await chat.rooms.create('lobby')
    const gate = new Gate()
    const begun: string[] = []
    const { seen } = watch(
      chat.onMessage('lobby', async (item) => {
        begun.push(textOf(item))
        await gate.pass()
        return textOf(item)
      }),
    )
    await hear({ chat }, 'lobby', 1)
    const texts = Array.from({ length: 100 }, (_, index) => String(index))
    await say(chat, 'lobby', texts)
    expect(begun).toEqual(['0'])
    expect(chat.lagMs).toBeGreaterThanOrEqual(0)
    gate.open()
    await expect.poll(() => seen).toEqual(texts)
    expect(begun).toEqual(texts)
    expect(chat.lagMs).toBe(0)
  })

  test('work that rejects ends its own stream with the error, the others go on', async () => {
    const scene = await startScene()
    const { chat, enter } = scene
    const lobby = await enter('lobby')
    const failing = watch(chat.onMessage('lobby', () => Promise.reject(new Error('disk full'))))
    const throwing = watch(
      chat.onMessage('lobby', () => {
        throw new Error('no disk')
      }),
    )
    const { seen } = watch(chat.onMessage('lobby'))
    await hear(scene, 'lobby', 2)
    await lobby.publish('one')
    await lobby.publish('two')
    await expect.poll(() => seen.map(textOf)).toEqual(['one', 'two'])
    expect(failing.end()).toMatchObject({ message: 'disk full' })
    expect(throwing.end()).toMatchObject({ message: 'no disk' })
  })

  test('who unsubscribes in the middle of work holds nobody up', async () => {
    const scene = await startScene()
    const { chat, enter } = scene
    const lobby = await enter('lobby')
    const gate = new Gate()
    const stuck = watch(chat.onMessage('lobby', () => gate.pass()))
    const { seen } = watch(chat.onMessage('lobby'))
    await hear(scene, 'lobby', 2)
    await lobby.publish('one')
    await gate.reached
    await lobby.publish('two')
    stuck.stop()
    await expect.poll(() => seen.map(textOf)).toEqual(['one', 'two'])
  })

  test('a loop that is left in the middle holds nobody up', async () => {
    const scene = await startScene()
    const { chat, enter } = scene
    const lobby = await enter('lobby')
    const first = nextTexts(chat.messages('lobby'), 1)
    const { seen } = watch(chat.onMessage('lobby'))
    await hear(scene, 'lobby', 2)
    for (const text of ['one', 'two', 'three']) await lobby.publish(text)
    expect(await first).toEqual(['one'])
    await expect.poll(() => seen.map(textOf)).toEqual(['one', 'two', 'three'])
  })

  test('a room can be listened to again', async () => {
    const scene = await startScene()
    const { chat } = scene
    await chat.rooms.create('lobby')
    const before = watch(chat.onMessage('lobby'))
    await hear({ chat }, 'lobby', 1)
    await chat.send('lobby', 'one')
    await expect.poll(() => before.seen).toHaveLength(1)
    before.stop()
    const again = watch(chat.onMessage('lobby'))
    await expect.poll(async () => (await chat.send('lobby', 'two'), again.seen.map(textOf))).toContain('two')
    expect(before.seen).toHaveLength(1)
  })

  test.each([
    ['the service leaves', ({ chat }: ChatScene) => chat.rooms.leave('lobby')],
    ['the service is closed', ({ app }: ChatScene) => app.close()],
    [
      'it is kicked',
      async ({ server }: ChatScene) => {
        const token = await server.tokenOf('root', { role: 'admin' })
        const { chat } = await startService({ port: server.address.port, token })
        await chat.rooms.kick('lobby', 'service')
      },
    ],
  ])('completes when %s', async (_, end) => {
    const scene = await startScene()
    const lobby = await scene.enter('lobby')
    const streams = [watch(scene.chat.onMessage('lobby')), watch(scene.chat.onSignal('lobby'))]
    await hearsAlice(scene, lobby)
    await end(scene)
    for (const stream of streams) await expect.poll(() => stream.end()).toBe('completed')
  })

  test('fails when there is no way back, and begins anew for the next subscriber', async () => {
    const server = await runApp()
    const tokens = ['rubbish', await server.tokenOf('service', { role: 'service' })]
    const { chat } = await startService({ port: server.address.port, token: () => tokens.shift() ?? '' })
    expect(await failureOf(chat.onMessage('lobby'))).toMatchObject({ code: 'TOKEN_INVALID' })
    const { seen } = watch(chat.onMessage('lobby'))
    await expect.poll(() => chat.rooms.list()).toMatchObject({ rooms: [{ room: 'lobby', online: 1 }] })
    await chat.send('lobby', 'welcome')
    await expect.poll(() => seen.map(textOf)).toEqual(['welcome'])
  })
})

describe('in passing', () => {
  test('onSignal tells what members signal, by whom', async () => {
    const scene = await startScene()
    const { chat, enter } = scene
    const lobby = await enter('lobby')
    const other = await enter('other')
    const { seen } = watch(chat.onSignal('lobby'))
    await hearsAlice(scene, lobby)
    await other.signal('typing', { in: 'other' })
    await lobby.signal('typing', { in: 'lobby' })
    await expect.poll(() => seen).toEqual([{ room: 'lobby', name: 'typing', from: 'alice', data: { in: 'lobby' } }])
  })

  test('onPresence tells the counts when they change', async () => {
    const scene = await startScene({}, { NESTWIRE_PRESENCE_INTERVAL_MS: '10' })
    const { chat, enter } = scene
    await chat.rooms.create('lobby')
    const { seen } = watch(chat.onPresence('lobby'))
    await hear({ chat }, 'lobby', 1)
    await enter('lobby')
    await expect.poll(() => seen.at(-1)).toEqual({ room: 'lobby', members: 2, online: 2 })
  })
})
