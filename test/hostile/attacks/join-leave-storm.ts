/** Thousands of joins and leaves a second, by some who do nothing else, in rooms that others keep alive. */
import type { Packet } from '../../../src/protocol/packets.js'
import { join, request } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'
import type { Intruder } from '../intruder.js'

const STORMERS = 20
const ROOMS = Array.from({ length: 20 }, (_, index) => `storm-${index}`)

/** Leaves when it has joined and joins when it has left, in every room at once. */
async function storm(member: Intruder, untilMs: number): Promise<void> {
  const inRoom = async (room: string): Promise<void> => {
    while (!member.isOver && performance.now() < untilMs) {
      await member.ask((correlation) => join(room, correlation))
      await member.ask((correlation) => leave(room, correlation))
    }
  }
  await Promise.all(ROOMS.map(inRoom))
}
const leave = (room: string, correlation: number): Packet => request('rooms.leave', { room }, correlation)

export const joinLeaveStorm: Attack = {
  name: 'joins and leaves without pause',
  metrics: [{ name: 'nestwire_requests_total', labels: { pattern: 'rooms.join' }, least: 100 }],
  async run(scene) {
    const { tally } = scene
    const durationMs = scene.size(1_500, 10_000)
    const keeper = await scene.login('keeper')
    await keeper.askAll(ROOMS.map((room) => (correlation) => join(room, correlation)))
    const crowd = await Promise.all(
      Array.from({ length: STORMERS }, (_, index) => scene.login(`stormer-${index}`, { host: index })),
    )
    const untilMs = performance.now() + durationMs
    await Promise.all(crowd.map((member) => storm(member, untilMs)))
    const perSecond = Math.round(((tally.count('joined') + tally.count('reply')) * 1_000) / durationMs)
    scene.note(`${perSecond} a second`)
    scene.expect(perSecond > 100, `only ${perSecond} joins and leaves a second`)
    scene.expect(tally.errors.size === 0, tally.describe())
    scene.expect(
      crowd.every(({ isOver }) => !isOver),
      `somebody was closed: ${tally.describe()}`,
    )
  },
}
