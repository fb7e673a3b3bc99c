import { expect, test } from 'vitest'
import { TicketSeals } from '../../src/auth/ticket-seals.js'
import type { Ticket } from '../../src/auth/ticket.js'
import { trustedSessionId } from '../../src/protocol/ids.js'
import { userId } from '../delivery/names.js'

const secretOf = (name: string): string => `the ${name} secret of every ticket, which is no secret`
const alice = userId('alice')
const ticket: Ticket = {
  session: trustedSessionId('s'),
  principal: { user: alice, username: alice, role: 'user', expiresAtMs: 9_000 },
  generation: 0,
  expiresAtMs: 9_000,
}

function startSeals() {
  const clock = { nowMs: 1_000 }
  return { clock, seals: new TicketSeals(secretOf('first'), () => clock.nowMs) }
}

test('a ticket of the secret before is good until its time, and not a millisecond longer', () => {
  const { clock, seals } = startSeals()
  const old = seals.seal(ticket)
  seals.use(secretOf('second'), 5_000)
  expect([seals.open(old), seals.open(seals.seal(ticket))]).toEqual([ticket, ticket])
  clock.nowMs = 4_999
  expect(seals.open(old)).toEqual(ticket)
  clock.nowMs = 5_000
  expect(seals.open(old)).toBeUndefined()
})

test('a secret that changes twice leaves nothing of the first', () => {
  const { seals } = startSeals()
  const first = seals.seal(ticket)
  seals.use(secretOf('second'), 5_000)
  const second = seals.seal(ticket)
  seals.use(secretOf('third'), 5_000)
  expect([seals.open(first), seals.open(second)]).toEqual([undefined, ticket])
})

test('the same secret again changes nothing', () => {
  const { seals } = startSeals()
  const first = seals.seal(ticket)
  seals.use(secretOf('second'), 5_000)
  seals.use(secretOf('second'), 6_000)
  expect(seals.open(first)).toEqual(ticket)
})
