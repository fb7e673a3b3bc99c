/** High messages that find their lane full: how many may wait, and who does not wait for them. */
import { expect, test } from 'vitest'
import type { DeliveryPriority } from '../../src/delivery/room-delivery.js'
import { refusal } from '../rooms/room-stack.js'
import { from1To, lobby, seqs, startLobby } from './router-stack.js'

const LANE_BYTES = 65_536
/** What a record holds beside its body. */
const OVERHEAD_BYTES = 128

/** The high lane is full; `held` counts whole records. */
async function withFullHighLane() {
  const stack = await startLobby(1, { NESTWIRE_LANE_MAX_BYTES: String(LANE_BYTES) })
  const held = (bytes: number, priority: DeliveryPriority = 'high') =>
    stack.say(Buffer.alloc(bytes - OVERHEAD_BYTES), priority)
  await held(LANE_BYTES)
  return { ...stack, held }
}

test('holds as many bytes as the lane', async () => {
  const { router, held, tick, log } = await withFullHighLane()
  const sent = [held(LANE_BYTES - 1_000), held(1_000)]
  expect(router.waitingBytes).toBe(LANE_BYTES)
  await expect(held(OVERHEAD_BYTES)).rejects.toEqual(refusal('BACKPRESSURE'))
  expect((await log.head(lobby)).seq).toBe(1)
  await tick.settle()
  expect(seqs(await Promise.all(sent))).toEqual([2, 3])
  expect([router.waitingBytes, router.heldBytes]).toEqual([0, 0])
})

test('refuses a byte more, with a time to come back', async () => {
  const { held, tick } = await withFullHighLane()
  const first = held(LANE_BYTES - 1_000)
  const refused = expect.objectContaining({ failure: expect.objectContaining({ retryAfterMs: 250 }) })
  await expect(held(1_001)).rejects.toEqual(refused)
  await tick.settle()
  expect((await first).seq).toBe(2)
})

test('takes any one message while nobody waits', async () => {
  const { held, tick, members } = await withFullHighLane()
  const large = held(4 * LANE_BYTES)
  await tick.settle()
  expect((await large).seq).toBe(2)
  await tick.settle()
  expect(seqs(members[0]?.records ?? [])).toEqual([1, 2])
})

test('refuses no notice, which waits like the others', async () => {
  const { router, held, tick } = await withFullHighLane()
  const sent = [held(LANE_BYTES), held(200, 'notice')]
  expect(router.waitingBytes).toBe(LANE_BYTES + 200)
  await tick.settle()
  expect(seqs(await Promise.all(sent))).toEqual([2, 3])
})

test('holds up nobody else: a normal message of the same room goes ahead', async () => {
  const { held, tick, members } = await withFullHighLane()
  const [high, notice, normal] = [held(1_000), held(200, 'notice'), held(200, 'normal')]
  expect((await normal).seq).toBe(2)
  await tick.settle()
  expect(seqs(await Promise.all([high, notice]))).toEqual([3, 4])
  expect(seqs(members[0]?.records ?? [])).toEqual(from1To(4))
})
