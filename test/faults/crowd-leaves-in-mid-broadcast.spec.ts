/** Ten thousand hear a room, and go away while it is being broadcast to. */
import { expect, test } from 'vitest'
import type { RecordingConnection } from '../delivery/recording-connection.js'
import { from1To, lobby, seqs, startLobby } from '../delivery/router-stack.js'
import { expectChain } from '../support/room-chain.js'

const CROWD = 10_000
const STAY = 3

/** A broadcast to everybody of which one slice is done; three of the members will stay to the end. */
async function inMidBroadcast() {
  const stack = await startLobby(CROWD)
  const { members, say, tick, log } = stack
  const from = await log.head(lobby)
  await say('first')
  await say('second')
  tick.end()
  const served = new Set(members.filter(({ frames }) => frames.length > 0))
  expect(served.size).toBeGreaterThan(0)
  expect(served.size).toBeLessThan(CROWD)
  // One that was served already, one that is among the last, and one in between.
  const bystanders = [members.at(-1), members.at(0), members.at(CROWD / 2)].flatMap((one) => one ?? [])
  expect(bystanders).toHaveLength(STAY)
  const crowd = members.filter((member) => !bystanders.includes(member))
  return { ...stack, from, served, bystanders, crowd }
}

/** Nobody is told twice, and who had gone is told nothing. */
function expectNoMoreFor(gone: readonly RecordingConnection[], served: ReadonlySet<RecordingConnection>): void {
  expect(gone.every((member) => member.frames.length === (served.has(member) ? 1 : 0))).toBe(true)
}

test('all at once: the few who stay hear everything once, and nothing is held for the rest', async () => {
  const { router, crowd, served, bystanders, say, tick, from } = await inMidBroadcast()
  expect(router.heldBytes).toBeGreaterThan(0)
  for (const member of crowd) router.detach(lobby, member)
  await tick.settle()
  expect([router.heldBytes, router.laggingConnections, tick.waiting]).toEqual([0, 0, 0])
  await say('third')
  await tick.settle()
  expectNoMoreFor(crowd, served)
  for (const { records } of bystanders) expect(seqs(records)).toEqual(from1To(3))
  for (const member of bystanders) expectChain(member, from)
})

test('a few at a time, from both ends, while more is said', async () => {
  const { router, crowd, bystanders, say, tick, from } = await inMidBroadcast()
  let said = 2
  for (let left = crowd; left.length > 0; left = left.slice(500, -500)) {
    for (const member of [...left.slice(0, 500), ...left.slice(-500)]) router.detach(lobby, member)
    await say(`${(said += 1)}`)
    tick.end()
  }
  await tick.settle()
  for (const member of bystanders) expect(expectChain(member, from)).toBe(said)
  for (const member of crowd) expectChain(member, from)
  expect([router.heldBytes, router.laggingConnections]).toEqual([0, 0])
})

test('all of them, so that the room is deleted: nothing is held, and other rooms go on', async () => {
  const { router, crowd, bystanders, served, tick } = await inMidBroadcast()
  const everybody = [...crowd, ...bystanders]
  for (const member of everybody) router.detach(lobby, member)
  await router.deleteRoom(lobby)
  expect(router.heldBytes).toBe(0)
  await tick.settle()
  expectNoMoreFor(everybody, served)
  expect([router.heldBytes, router.laggingConnections, tick.waiting]).toEqual([0, 0, 0])
})

test('those who are behind: their reading of the log ends with them', async () => {
  const { router, crowd, bystanders, say, tick, from } = await inMidBroadcast()
  for (const member of crowd) member.roomForFrames = 1
  await tick.settle()
  await say('third')
  await tick.settle()
  expect(router.laggingConnections).toBe(crowd.length)
  for (const member of crowd) {
    member.read()
    router.connectionWritable(member)
  }
  tick.end()
  for (const member of crowd) router.detach(lobby, member)
  await tick.settle()
  expect([router.heldBytes, router.laggingConnections, tick.waiting]).toEqual([0, 0, 0])
  for (const member of bystanders) expect(expectChain(member, from)).toBe(3)
})
