import { expect, test } from 'vitest'
import { TicketSeal, type Ticket } from '../../src/auth/ticket.js'
import { trustedSessionId } from '../../src/protocol/ids.js'
import { userId } from '../delivery/names.js'

const SECRET = 'a secret of 32 characters or more'
const ticket: Ticket = {
  session: trustedSessionId('0123456789abcdefghijkl'),
  principal: { user: userId('alice'), username: 'Alice Ångström', role: 'admin', expiresAtMs: 1_760_003_600_000 },
  generation: 7,
  expiresAtMs: 1_760_000_000_000,
}
const seal = new TicketSeal(SECRET)

test('says what was sealed', () => {
  expect(seal.open(seal.seal(ticket))).toEqual(ticket)
  expect(new TicketSeal(SECRET).open(seal.seal(ticket))).toEqual(ticket)
})

test('of a principal without end keeps it', () => {
  const endless = { ...ticket, principal: { ...ticket.principal, expiresAtMs: Infinity } }
  expect(seal.open(seal.seal(endless))).toEqual(endless)
})

test('with the longest names has at most 335 bytes', () => {
  const longest = 'x'.repeat(128)
  const principal = { ...ticket.principal, user: userId(longest), username: longest }
  expect(seal.seal({ ...ticket, principal })).toHaveLength(335)
})

test('with any one bit turned is none', () => {
  const sealed = seal.seal(ticket)
  for (let at = 0; at < sealed.length * 8; at += 1) {
    const forged = Buffer.from(sealed)
    forged[at >> 3] = (forged[at >> 3] ?? 0) ^ (1 << (at & 7))
    expect(seal.open(forged), `bit ${at}`).toBeUndefined()
  }
})

test('cut short or with a byte more is none', () => {
  const sealed = seal.seal(ticket)
  for (let length = 0; length < sealed.length; length += 1) {
    expect(seal.open(sealed.subarray(0, length)), `${length} bytes`).toBeUndefined()
  }
  expect(seal.open(Buffer.concat([sealed, Buffer.of(0)]))).toBeUndefined()
  expect(seal.open(Buffer.concat([Buffer.of(1), sealed]))).toBeUndefined()
})

test('of another secret is none', () => {
  expect(new TicketSeal(`${SECRET}.`).open(seal.seal(ticket))).toBeUndefined()
})
