import { expect, test } from 'vitest'
import { SpaceLine } from '../../src/transport/space-line.js'

/** With so many who wait for space, which each of them makes for the next. */
function crowd(count: number) {
  let hasSpace = false
  const line = new SpaceLine(() => hasSpace)
  const served: number[] = []
  for (let index = 0; index < count; index += 1) {
    line.enter(() => {
      served.push(index)
      line.serve()
    })
  }
  hasSpace = true
  return { line, served }
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)
const nextTurn = (): Promise<void> => new Promise(setImmediate)

test('128 are let on in one turn of the event loop, in the order in which they came', () => {
  const { line, served } = crowd(128)
  line.serve()
  expect(served).toEqual(upTo(128))
})

test('one more is let on in the next, whatever happens in this one', async () => {
  const { line, served } = crowd(129)
  line.serve()
  line.serve()
  expect(served).toEqual(upTo(128))
  await nextTurn()
  expect(served).toEqual(upTo(129))
})

test('whoever enters while another is let on has its turn behind it, and who gave up has none', () => {
  let hasSpace = false
  const line = new SpaceLine(() => hasSpace)
  const served: string[] = []
  line.enter(() => {
    line.enter(() => served.push('third'))
    served.push('first')
  })
  const giveUp = line.enter(() => served.push('second'))
  giveUp()
  hasSpace = true
  line.serve()
  expect(served).toEqual(['first', 'third'])
})
