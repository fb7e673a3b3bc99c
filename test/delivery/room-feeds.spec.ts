/** Messages of a room that is being opened: logged in the order in which they came. */
import { expect, test } from 'vitest'
import { from1To, lobby, seqs, startRouter } from './router-stack.js'

test.each(from1To(12))('who comes %i microtasks after the room was read is behind those who waited', async (hops) => {
  const { router, log, say } = startRouter()
  const head = log.head.bind(log)
  let answer = (): void => undefined
  const asked = new Promise<void>((resolve) => (answer = resolve))
  log.head = async (room) => {
    await asked
    return head(room)
  }
  const sent = [router.open(lobby).then(() => say('opened')), say('first'), say('second')]
  await new Promise(setImmediate)
  answer()
  for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
  const [late, [opened, first, second]] = await Promise.all([say('late'), Promise.all(sent)])
  expect(seqs([first, second].flatMap((each) => each ?? []))).toEqual([1, 2])
  expect(new Set([late.seq, opened?.seq])).toEqual(new Set([3, 4]))
})
