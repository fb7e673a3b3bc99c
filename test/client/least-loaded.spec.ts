import { expect, test } from 'vitest'
import { leastLoaded } from '../../src/client/least-loaded.js'

const member = (load: number, hasRoom = true) => ({ load, hasRoom })

test('takes the one with the least load, the first of equals', () => {
  const equals = [member(1), member(1)]
  expect(leastLoaded([member(2), ...equals])).toBe(equals[0])
})

test('passes over those without room', () => {
  const last = member(9)
  expect(leastLoaded([member(0, false), last])).toBe(last)
})

test('takes none where none has room', () => {
  expect(leastLoaded([])).toBeUndefined()
  expect(leastLoaded([member(0, false)])).toBeUndefined()
})
