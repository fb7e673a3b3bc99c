/** Publishes and acknowledgements get lost; a room's records stand in call order all the same, each once. */
import { describe, expect, test, vi } from 'vitest'
import { RETRY_AFTER_MS } from '../../../src/log/jetstream/room-line.js'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, type ClusterNode } from './cluster-nodes.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const names = (count: number, from = 0): readonly string[] => Array.from({ length: count }, (_, at) => `m${from + at}`)

/** Publishes to the log of which `isLost` says so never leave. */
function losePublishes({ link }: ClusterNode, isLost: (subject: string) => boolean): void {
  const { connection } = link
  const publish = connection.publish.bind(connection)
  vi.spyOn(connection, 'publish').mockImplementation((subject, payload, options) => {
    if (!isLost(subject)) publish(subject, payload, options)
  })
}

const bodiesIn = async ({ log }: ClusterNode): Promise<readonly string[]> =>
  (await log.readAfter(lobby, NO_SEQ, { maxRecords: 1_000, maxBytes: 1_000_000 })).map(({ body }) => body.toString())

describe.skipIf(isNatsMissing)('records of a room', () => {
  const nodes = clusterNodes()

  test('are sent again in order, and before anything new, when some of them were lost', async () => {
    const node = await nodes.open()
    let isLosing = false
    losePublishes(node, (subject) => isLosing && subject.includes('.log.'))
    const first = names(5).map((name) => node.log.append(lobby, text(name), 'normal'))
    isLosing = true
    const lost = names(5, 5).map((name) => node.log.append(lobby, text(name), 'normal'))
    await Promise.all(first)
    // So long that what comes now waits.
    node.clock.advance(300)
    isLosing = false
    const waiting = names(5, 10).map((name) => node.log.append(lobby, text(name), 'normal'))
    node.clock.advance(RETRY_AFTER_MS)
    const placed = await Promise.all([...first, ...lost, ...waiting])
    expect(placed.map(({ seq }) => seq)).toEqual(placed.map(({ seq }) => seq).toSorted((a, b) => a - b))
    expect(await bodiesIn(node)).toEqual(names(15))
  })

  test('are there once when their acknowledgements were lost, and are no repeats', async () => {
    const node = await nodes.open()
    const { connection } = node.link
    const publish = connection.publish.bind(connection)
    let isDeaf = true
    vi.spyOn(connection, 'publish').mockImplementation((subject, payload, { reply, ...options } = {}) => {
      // Nobody listens there.
      const heard = isDeaf && subject.includes('.log.') ? '_INBOX.nobody' : reply
      publish(subject, payload, { ...options, ...(heard === undefined ? {} : { reply: heard }) })
    })
    const appends = names(10).map((name) => node.log.append(lobby, text(name), 'normal'))
    await connection.flush()
    isDeaf = false
    node.clock.advance(RETRY_AFTER_MS)
    const placed = await Promise.all(appends)
    expect(placed.every(({ isRepeat, timeMs }) => !isRepeat && timeMs === node.clock.now() - RETRY_AFTER_MS)).toBe(true)
    expect(await bodiesIn(node)).toEqual(names(10))
  })

  test('are in order after the connection broke in the midst of them', async () => {
    const node = await nodes.open()
    const returned = new Promise<void>((resolve) => node.link.onReturn(resolve))
    const appends = names(200).map((name) => node.log.append(lobby, text(name), 'normal'))
    await node.link.connection.reconnect()
    await returned
    const placed = await Promise.all(appends)
    expect(new Set(placed.map(({ seq }) => seq)).size).toBe(200)
    expect(await bodiesIn(node)).toEqual(names(200))
  })

  test('of another room do not wait for them', async () => {
    const node = await nodes.open()
    losePublishes(node, (subject) => subject.includes(Buffer.from('lobby').toString('base64url')))
    const stuck = node.log.append(lobby, text('stuck'), 'normal')
    expect(await node.log.append(roomId('attic'), text('fine'), 'normal')).toMatchObject({ isRepeat: false })
    node.clock.advance(10_000)
    await expect(stuck).rejects.toMatchObject({ failure: { code: 'COMMIT_FAILED' } })
  })
})
