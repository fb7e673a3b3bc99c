import { expect, test } from 'vitest'
import { MetricsPage } from '../hostile/metrics-page.js'
import { request } from '../support/chat-user.js'
import { besideBystanders } from './bystanders.js'

const MESSAGES = 60
const QUESTIONS = 500
const BODY = 'a long story, '.repeat(70)

test('pages of history that nobody reads do not pile up, and come when they are read', () =>
  besideBystanders(async (scene) => {
    const { alice, bob, clock, settings } = scene
    const lines = Array.from({ length: MESSAGES }, () => BODY)
    for (const line of lines) await alice.says('lobby', line)
    await alice.hears('lobby', lines)
    await bob.hears('lobby', lines)
    const metrics = new MetricsPage(scene.httpAddress.port)
    const waitingBytes = (): Promise<number> => {
      clock.advance(20)
      return metrics.sum({ name: 'nestwire_outbox_bytes' })
    }
    const client = await scene.mallory()
    client.stopReading()
    const data = { room: 'lobby', limit: MESSAGES }
    client.send(...Array.from({ length: QUESTIONS }, () => request('chat.history', data, client.nextCorrelation())))
    const { maxOutboxBytes, maxFrameBytes } = settings.current.transport
    // The kernel takes some megabytes first, and the socket has what it was handed.
    await expect.poll(waitingBytes, { timeout: 15_000 }).toBeGreaterThan(maxOutboxBytes / 4)
    for (let look = 0; look < 20; look += 1) {
      await scene.chatter()
      expect(await waitingBytes()).toBeLessThan(maxOutboxBytes / 2 + 2 * maxFrameBytes)
    }
    client.startReading()
    const replies = (): number => client.inbox.filter(({ kind }) => kind === 'reply').length
    const lookedAt = (): number => {
      clock.advance(20)
      return replies()
    }
    await expect.poll(lookedAt, { timeout: 15_000, interval: 20 }).toBe(QUESTIONS)
    client.reset()
  }))
