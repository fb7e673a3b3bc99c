import { expect, test } from 'vitest'
import { traceIdOf } from '../../src/transport/traceparent.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

test.each([`00-${TRACE}-${PARENT}-01`, `cc-${TRACE}-${PARENT}-00-what the future brings`])('%s has a trace', (text) => {
  expect(traceIdOf({ traceparent: text })).toBe(TRACE)
})

test.each([
  '',
  TRACE,
  `ff-${TRACE}-${PARENT}-01`,
  `00-${'0'.repeat(32)}-${PARENT}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${PARENT}-01`,
  `00-${TRACE}-${PARENT}-01x`,
  `00-${TRACE}\n${PARENT}-01`,
])('%j has none', (text) => {
  expect(traceIdOf({ traceparent: text })).toBeUndefined()
})

test('a traceparent of 512 characters is read, a longer one is not', () => {
  const long = `01-${TRACE}-${PARENT}-01-`.padEnd(512, 'x')
  expect(traceIdOf({ traceparent: long })).toBe(TRACE)
  expect(traceIdOf({ traceparent: `${long}x` })).toBeUndefined()
})

test('metadata without it has no trace', () => {
  expect([traceIdOf(undefined), traceIdOf({ tenant: 'acme' })]).toEqual([undefined, undefined])
})
