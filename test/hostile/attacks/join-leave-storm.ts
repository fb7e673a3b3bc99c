/**
 * Thousands of joins and leaves a second, by some who do nothing else, in rooms that others keep alive. How many is the machine's: the
 * long form, on one that is quiet, must come to ten thousand; the short form notes what it came to.
 */
import { decodeBody } from '../../../src/protocol/body.js'
import type { Packet } from '../../../src/protocol/packets.js'
import { join, request } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'
import type { Intruder } from '../intruder.js'

const STORMERS = 20
const LONG_FORM_A_SECOND = 10_000
const ROOMS = Array.from({ length: 20 }, (_, index) => `storm-${index}`)

/** Leaves when it has joined and joins when it has left, in every room at once. How often it has left, and was told so. */
async function storm(member: Intruder, untilMs: number): Promise<number> {
  let left = 0
  const inRoom = async (room: string): Promise<void> => {
    while (!member.isOver && performance.now() < untilMs) {
      const joined = await member.ask((correlation) => join(room, correlation))
      const answer = await member.ask((correlation) => leave(room, correlation))
      if (joined?.kind === 'joined' && answer?.kind === 'reply') left += 1
    }
  }
  await Promise.all(ROOMS.map(inRoom))
  return left
}

function membersIn(info: Packet | undefined): unknown {
  const body = info?.kind === 'reply' ? decodeBody(info.body) : undefined
  return typeof body === 'object' && body !== null && 'members' in body ? body.members : undefined
}

const leave = (room: string, correlation: number): Packet => request('rooms.leave', { room }, correlation)

export const joinLeaveStorm: Attack = {
  name: 'joins and leaves without pause',
  // Each of them in each of the rooms, once at least.
  metrics: [
    { name: 'nestwire_requests_total', labels: { pattern: 'rooms.join' }, least: STORMERS * ROOMS.length },
    { name: 'nestwire_requests_total', labels: { pattern: 'rooms.leave' }, least: STORMERS * ROOMS.length },
  ],
  async run(scene) {
    const { tally } = scene
    const durationMs = scene.size(1_500, 10_000)
    const keeper = await scene.login('keeper')
    await keeper.askAll(ROOMS.map((room) => (correlation) => join(room, correlation)))
    const crowd = await Promise.all(
      Array.from({ length: STORMERS }, (_, index) => scene.login(`stormer-${index}`, { host: index })),
    )
    const startedAtMs = performance.now()
    const left = await Promise.all(crowd.map((member) => storm(member, startedAtMs + durationMs)))
    const leaves = left.reduce((sum, count) => sum + count, 0)
    const perSecond = Math.round((2 * leaves * 1_000) / (performance.now() - startedAtMs))
    scene.note(`${perSecond} a second`)
    scene.expect(perSecond >= scene.size(0, LONG_FORM_A_SECOND), `only ${perSecond} joins and leaves a second`)
    const joins = tally.count('joined') - ROOMS.length
    scene.expect(leaves === joins, `${joins} joins, and ${leaves} of them were left: ${tally.describe()}`)
    const infos = await keeper.askAll(
      ROOMS.map((room) => (correlation) => request('rooms.info', { room }, correlation)),
    )
    const crowded = infos.filter((info) => membersIn(info) !== 1).length
    scene.expect(crowded === 0, `${crowded} rooms have others in them than the keeper`)
    scene.expect(tally.errors.size === 0, tally.describe())
    scene.expect(
      crowd.every(({ isOver }) => !isOver),
      `somebody was closed: ${tally.describe()}`,
    )
  },
}
