/** Capacities of the router, on its own: in a whole server what waits would be gone before it could be counted. */
import { expect } from 'vitest'
import { loadSettings } from '../../../src/config/load-settings.js'
import { startLobby } from '../../delivery/router-stack.js'
import type { LiveScenarios } from './live-scenario.js'

type Lobby = Awaited<ReturnType<typeof startLobby>>

/** How many messages come in until one is refused. */
async function capacityOf({ say, tick }: Lobby, body: string): Promise<number> {
  let count = 0
  while ((await say(body).catch(() => undefined)) !== undefined) count += 1
  await tick.settle()
  return count
}

/** The router that was changed holds as much as one that was started so. */
async function capacityScenario(name: string, [before, after]: readonly [string, string], body: string): Promise<void> {
  const fresh = (value: string): Promise<Lobby> => startLobby(3, { [name]: value })
  const [small, large] = [await capacityOf(await fresh(before), body), await capacityOf(await fresh(after), body)]
  expect(large).toBeGreaterThan(small)
  const lobby = await fresh(before)
  expect(await capacityOf(lobby, body)).toBe(small)
  lobby.settings.swap(loadSettings({ [name]: after }))
  expect(await capacityOf(lobby, body)).toBe(large)
}

/** With two of ten places taken, low messages come in as long as eight free ones are not too few. */
async function congestionScenario(name: string, lane: 'high' | 'normal'): Promise<void> {
  const places = { NESTWIRE_LANE_MAX_MESSAGES: '10' }
  const { say, settings } = await startLobby(3, { ...places, [name]: '80' })
  await say('one', lane)
  await say('two', lane)
  await say('welcome', 'low')
  settings.swap(loadSettings({ ...places, [name]: '81' }))
  await expect(say('too much', 'low')).rejects.toMatchObject({ failure: { code: 'BACKPRESSURE' } })
}

const BODY = 'x'.repeat(10_000)

export const deliveryScenarios: LiveScenarios = {
  NESTWIRE_LANE_MAX_BYTES: () => capacityScenario('NESTWIRE_LANE_MAX_BYTES', ['65536', '131072'], BODY),
  NESTWIRE_LANE_MAX_MESSAGES: () => capacityScenario('NESTWIRE_LANE_MAX_MESSAGES', ['10', '20'], 'x'),
  NESTWIRE_ROUTER_MAX_BYTES: () => capacityScenario('NESTWIRE_ROUTER_MAX_BYTES', ['65536', '131072'], BODY),
  NESTWIRE_HIGH_FREE_PERCENT: () => congestionScenario('NESTWIRE_HIGH_FREE_PERCENT', 'high'),
  NESTWIRE_NORMAL_FREE_PERCENT: () => congestionScenario('NESTWIRE_NORMAL_FREE_PERCENT', 'normal'),
}
