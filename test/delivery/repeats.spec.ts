import { expect, test } from 'vitest'
import { userId } from './names.js'
import { from1To, lobby, seqs, startLobby, text } from './router-stack.js'

const message = (name: string) => ({ ...text(name), id: { messageId: Buffer.alloc(16, name) } })

test('a repeat is delivered to nobody again', async () => {
  const { router, tick, members } = await startLobby(2)
  await router.append(lobby, message('a'), 'normal')
  expect(await router.append(lobby, message('a'), 'normal')).toMatchObject({ isRepeat: true, seq: 1 })
  await router.append(lobby, message('b'), 'normal')
  await tick.settle()
  for (const { records } of members) expect(seqs(records)).toEqual(from1To(2))
  expect(router.heldBytes).toBe(0)
})

test('a repeat that comes before the first is committed is delivered to nobody again', async () => {
  const { router, tick, members } = await startLobby(2)
  const answers = await Promise.all([1, 2, 3].map(() => router.append(lobby, message('a'), 'normal')))
  expect(seqs(answers)).toEqual([1, 1, 1])
  await tick.settle()
  for (const { records } of members) expect(seqs(records)).toEqual([1])
  expect(router.heldBytes).toBe(0)
})

test('a repeat is answered while everything else is refused', async () => {
  const { router, say, tick } = await startLobby(1, { NESTWIRE_LANE_MAX_MESSAGES: '2' })
  await router.append(lobby, message('a'), 'normal')
  for (let n = 0; n < 3; n += 1) await say('fills', 'normal')
  await expect(say('too much', 'normal')).rejects.toMatchObject({ failure: { code: 'BACKPRESSURE' } })
  const heldBytes = router.heldBytes
  expect(await router.append(lobby, message('a'), 'normal')).toMatchObject({ isRepeat: true, seq: 1 })
  expect(router.heldBytes).toBe(heldBytes)
  const ofBob = router.append(lobby, { ...message('a'), sender: userId('bob') }, 'normal')
  await expect(ofBob).rejects.toMatchObject({ failure: { code: 'BACKPRESSURE' } })
  await tick.settle()
})

test('a doubtful repeat gives back what was admitted for it', async () => {
  const { router } = await startLobby(1)
  const { id, ...rest } = message('a')
  const old = { ...rest, id: { ...id, ageMs: 86_400_000 } }
  await expect(router.append(lobby, old, 'normal')).rejects.toMatchObject({ failure: { code: 'OUTCOME_UNKNOWN' } })
  expect(router.heldBytes).toBe(0)
})
