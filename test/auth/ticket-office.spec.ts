import { expect, test } from 'vitest'
import { TicketOffice } from '../../src/auth/ticket-office.js'
import { TicketSeal } from '../../src/auth/ticket.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { Feature } from '../../src/protocol/constants.js'
import type { Session } from '../../src/sessions/session.js'
import { TimerWheel } from '../../src/transport/timer-wheel.js'
import { userId } from '../delivery/names.js'
import { RecordingConnection } from '../delivery/recording-connection.js'
import { refusal } from '../rooms/room-stack.js'
import { startSessions } from '../sessions/session-stack.js'
import { ManualClock } from '../support/manual-clock.js'

const SECRET = 'a secret of 32 characters or more'
const TTL_MS = 100_000
const DAY_MS = 86_400_000

function openOffice({ isOn = true, tokenTtlMs = Infinity } = {}) {
  const clock = new ManualClock()
  const settings = new Settings(loadSettings({ NESTWIRE_TICKET_TTL_MS: String(TTL_MS) }))
  const sessions = startSessions(clock)
  const seal = isOn ? new TicketSeal(SECRET) : undefined
  const office = new TicketOffice({ seal, settings, clock, sessions, wheel: new TimerWheel(clock) })
  const connection = new RecordingConnection()
  connection.features = Feature.Resume
  connection.onClose = () => sessions.connectionClosed(connection)
  const expiresAtMs = clock.now() + tokenTtlMs
  const session = sessions.open(connection, { user: userId('alice'), username: 'alice', role: 'user', expiresAtMs })
  return { clock, settings, sessions, office, connection, session }
}

/** What came in-band so far. */
const told = ({ packets }: RecordingConnection) => packets.filter((packet) => packet.kind === 'ticket')
const contentOf = (session: Session, expiresAtMs: number) => ({
  session: session.id,
  principal: session.principal,
  generation: session.generation,
  expiresAtMs,
})

test('a ticket says who the session is and ends after its time', () => {
  const { office, session, clock } = openOffice()
  expect(office.read(office.issue(session))).toEqual(contentOf(session, clock.now() + TTL_MS))
})

test('what older tickets need is kept for as long as they were to live, though new ones live shorter', () => {
  const { office, session, clock, settings } = openOffice()
  const startMs = clock.now()
  const older = office.read(office.issue(session))
  settings.swap(loadSettings({ NESTWIRE_TICKET_TTL_MS: '1000' }))
  expect(office.read(office.issue(session)).expiresAtMs).toBe(startMs + 1_000)
  expect(office.forgetAtMs).toBeGreaterThanOrEqual(older.expiresAtMs)
  clock.advance(TTL_MS)
  expect(office.forgetAtMs).toBe(clock.now() + 1_000)
})

test('a ticket is good until the millisecond it ends in', () => {
  const { office, session, clock } = openOffice()
  const ticket = office.issue(session)
  clock.advance(TTL_MS - 1)
  expect(office.read(ticket)).toMatchObject({ session: session.id })
  clock.advance(1)
  expect(() => office.read(ticket)).toThrow('expired')
})

test('a ticket never outlives the token', () => {
  const { office, session } = openOffice({ tokenTtlMs: TTL_MS - 1 })
  expect(office.read(office.issue(session)).expiresAtMs).toBe(session.principal.expiresAtMs)
})

test('what is no ticket is refused with its code', () => {
  const { office } = openOffice()
  const refusedFor = (bytes: Buffer): unknown => {
    try {
      return office.read(bytes)
    } catch (error) {
      return error
    }
  }
  expect(refusedFor(Buffer.alloc(0))).toEqual(refusal('TICKET_INVALID'))
  expect(refusedFor(Buffer.alloc(300))).toEqual(refusal('TICKET_INVALID'))
})

test('a clock that is set back by less than a day takes no ticket away, by more it does', () => {
  const { office, session, clock } = openOffice()
  const ticket = office.issue(session)
  const now = clock.now()
  clock.setWallClock(now + TTL_MS - DAY_MS)
  expect(office.read(ticket)).toMatchObject({ session: session.id })
  clock.setWallClock(now + TTL_MS - DAY_MS - 1)
  expect(() => office.read(ticket)).toThrow('another time')
})

test('a clock that is set ahead takes tickets away only while it is ahead', () => {
  const { office, session, clock } = openOffice()
  const ticket = office.issue(session)
  const now = clock.now()
  clock.setWallClock(now + DAY_MS)
  expect(() => office.read(ticket)).toThrow('expired')
  clock.setWallClock(now)
  expect(office.read(ticket)).toMatchObject({ session: session.id })
})

test('is renewed in-band at half of its life, again and again', () => {
  const { office, session, clock, connection } = openOffice()
  office.issue(session)
  clock.advance(TTL_MS / 2 - 1_000)
  expect(told(connection)).toEqual([])
  clock.advance(2_000)
  const [first] = told(connection)
  expect(first).toMatchObject({ expiresAtMs: expect.any(Number) })
  expect(office.read(first?.ticket ?? Buffer.alloc(0))).toEqual(contentOf(session, first?.expiresAtMs ?? 0))
  clock.advance(TTL_MS)
  expect(told(connection)).toHaveLength(3)
})

test('is not renewed once it ends with the token', () => {
  const { office, session, clock, connection } = openOffice({ tokenTtlMs: TTL_MS * 1.2 })
  office.issue(session)
  clock.advance(TTL_MS * 0.6)
  expect(told(connection)).toMatchObject([{ expiresAtMs: session.principal.expiresAtMs }])
  expect(clock.timers).toBe(0)
})

test('is renewed with a new token', () => {
  const { office, session, sessions, clock, connection } = openOffice({ tokenTtlMs: TTL_MS / 2 })
  office.issue(session)
  const renewed = { ...session.principal, expiresAtMs: Infinity }
  sessions.refresh(session, renewed)
  expect(office.read(office.issue(session))).toEqual(contentOf(session, clock.now() + TTL_MS))
  clock.advance(TTL_MS * 0.6)
  expect(told(connection)).toHaveLength(1)
})

test('a connection without room gets it later', () => {
  const { office, session, clock, connection } = openOffice()
  office.issue(session)
  connection.roomForFrames = 0
  clock.advance(TTL_MS * 0.6)
  expect(told(connection)).toEqual([])
  connection.roomForFrames = Infinity
  clock.advance(TTL_MS * 0.2)
  expect(told(connection)).toHaveLength(1)
})

test('nothing is left of a session that ended', () => {
  const { office, session, clock, connection } = openOffice()
  office.issue(session)
  connection.close(1000)
  office.issue(session)
  expect(clock.timers).toBe(0)
})

test('a client that takes no part in resume has none', () => {
  const { office, session, clock, connection } = openOffice()
  connection.features = Feature.Positions
  expect(office.issue(session)).toHaveLength(0)
  expect(clock.timers).toBe(0)
})

test('without resume there are none, and none is good', () => {
  const { office, session } = openOffice({ isOn: false })
  expect(office.issue(session)).toHaveLength(0)
  expect(() => office.read(openOffice().office.issue(openOffice().session))).toThrow('not a ticket')
})
