/** A server whose disk is full: who loses the connection to it is back on the next, and reads and hears its rooms. */
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { connect, type ChatClient } from '../../src/client/index.js'
import { emptyFolder } from '../log/open-logs.js'
import { fillDiskUnder } from '../support/broken-disk.js'
import { startChat } from '../support/chat-harness.js'
import { publish } from '../support/chat-user.js'
import { startPath } from './cuttable-path.js'

const nextConnection = (client: ChatClient): Promise<void> =>
  new Promise((resolve) => {
    const stop = client.onStatus((status) => {
      if (status !== 'connected') return
      stop()
      resolve()
    })
  })

test('a client comes back to a server whose disk is full, and hears what is said when it has room again', async () => {
  const dataDir = await emptyFolder()
  const chat = await startChat({
    NESTWIRE_LOG_ENGINE: 'lmdb',
    NESTWIRE_DATA_DIR: dataDir,
    NESTWIRE_PRESENCE_INTERVAL_MS: '60000',
  })
  const path = await startPath(chat.port)
  const token = await chat.tokenOf('bob', { ttlSeconds: 3600 })
  const bob = await connect({ port: path.port, token, random: () => 0 })
  onTestFinished(() => bob.close())
  const alice = await chat.connect('alice')
  await alice.join('lobby')
  const lobby = await bob.join('lobby')
  const { seq } = await alice.says('lobby', 'before')
  await fillDiskUnder(join(dataDir, 'log'))
  const tooLarge = 'x'.repeat(30_000)
  expect(await alice.refusalOf((correlation) => publish('lobby', tooLarge, correlation))).toBe('COMMIT_FAILED')

  for (let cuts = 0; cuts < 2; cuts += 1) {
    const isBack = nextConnection(bob)
    path.cut()
    await isBack
    expect(await bob.request('chat.history', { room: 'lobby', limit: 1 })).toMatchObject({ records: [{ seq }] })
  }

  const says = async (): Promise<unknown> => {
    chat.clock.advance(5000)
    return alice.says('lobby', 'after').catch(() => undefined)
  }
  await expect.poll(says).toMatchObject({ kind: 'ack' })
  const heard: string[] = []
  for await (const item of lobby) {
    heard.push(item.kind === 'text' ? item.text : item.kind)
    if (heard.at(-1) === 'after') break
  }
  expect(heard).toEqual(['before', 'after'])
})
