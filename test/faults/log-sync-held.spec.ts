/** The disk takes its time: nobody sees a message before fdatasync has returned. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../log/open-logs.js'
import { publish } from '../support/chat-user.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { OrderedDisk, startServerProcess, type DiskOrder } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

const held: readonly DiskOrder[] = ['hold sync', 'hold commit']
test.each(held)('nothing is acknowledged, delivered or readable during: %s', async (order) => {
  const disk = await OrderedDisk.make()
  const server = await startServerProcess(sources.folder, { ...disk.env, NESTWIRE_DATA_DIR: await emptyFolder() })
  const [alice, bob] = [await server.connect('alice'), await server.connect('bob')]
  await alice.join('lobby')
  await bob.join('lobby')
  await alice.hears('lobby', ['+bob'])
  const { seq } = await alice.says('lobby', 'before')
  await bob.hears('lobby', ['before'])
  await alice.hears('lobby', ['before'])

  await disk.order(order)
  alice.send(publish('lobby', 'is it there?', 500))
  await disk.holds()
  await expect(bob.request('chat.history', { room: 'lobby', after: seq })).resolves.toMatchObject({ records: [] })
  await expect(bob.request('rooms.info', { room: 'lobby' })).resolves.toMatchObject({ seq })
  await bob.expectNothing()
  await alice.expectNothing()

  await disk.order('ok')
  await bob.hears('lobby', ['is it there?'])
  expect(await alice.find(({ kind }) => kind === 'ack')).toMatchObject({ correlation: 500, seq: seq + 1 })
})
