/** Every code of the two tables is issued somewhere: a code without a scenario fails here, and does not compile. */
import { expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { closeScenarios } from './close-scenarios.js'
import { errorScenarios } from './error-scenarios.js'

test('every code has a scenario', () => {
  expect(new Set(Object.keys(closeScenarios))).toEqual(new Set(Object.keys(CloseCode)))
  expect(new Set(Object.keys(errorScenarios))).toEqual(new Set(Object.keys(ErrorCode)))
})

const closeNames = Object.keys(CloseCode) as (keyof typeof CloseCode)[]
const errorNames = Object.keys(ErrorCode) as (keyof typeof ErrorCode)[]

test.each(closeNames)('a connection is closed with %s', async (name) => {
  const client = await closeScenarios[name]()
  await client.expectClosedAtLast(name)
})

test.each(errorNames)('a request is answered with %s', async (name) => {
  const client = await errorScenarios[name]()
  const error = await client.find(({ kind }) => kind === 'error')
  expect(error).toMatchObject({ code: ErrorCode[name], correlation: 500 })
})
