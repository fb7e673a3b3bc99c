import { expect, test } from 'vitest'
import { parseRoomId, parseUserId, trustedSessionId } from '../../src/protocol/ids.js'
import type { Session } from '../../src/sessions/session.js'
import type { Principal } from '../../src/transport/authentication.js'
import { DetachedConnection } from './detached-connection.js'
import { startSessions } from './session-stack.js'

function user(name: string) {
  const parsed = parseUserId(name)
  if (parsed === undefined) throw new Error(`${name} is no user name`)
  return parsed
}
const principalOf = (name: string, expiresAtMs = Infinity): Principal => ({
  user: user(name),
  username: name,
  role: 'user',
  expiresAtMs,
})

test('a session is found by id, user and connection', () => {
  const sessions = startSessions()
  const connection = new DetachedConnection('c1')
  const session = sessions.open(connection, principalOf('alice'))
  expect(sessions.get(session.id)).toBe(session)
  expect(sessions.of(user('alice'))).toEqual([session])
  expect(sessions.ofConnection(connection)).toBe(session)
})

test('opening admits the connection with the id of the session', () => {
  const connection = new DetachedConnection('c1')
  const session = startSessions().open(connection, principalOf('alice'))
  expect(connection.grant).toEqual({ principal: principalOf('alice'), session: session.id })
})

test('ids are 128 bits and all different', () => {
  const sessions = startSessions()
  const ids = Array.from(
    { length: 100 },
    (_, index) => sessions.open(new DetachedConnection(`c${index}`), principalOf('alice')).id,
  )
  expect(new Set(ids).size).toBe(100)
  expect(ids.every((id) => Buffer.from(id, 'base64url').length === 16)).toBe(true)
})

test('a user has as many sessions as devices', () => {
  const sessions = startSessions()
  const connections = ['phone', 'laptop', 'tablet'].map((name) => new DetachedConnection(name))
  const opened = connections.map((connection) => sessions.open(connection, principalOf('alice')))
  const bob = sessions.open(new DetachedConnection('desk'), principalOf('bob'))
  expect(sessions.of(user('alice'))).toEqual(opened)
  expect(sessions.of(user('bob'))).toEqual([bob])

  for (const [index, connection] of connections.entries()) {
    sessions.connectionClosed(connection)
    expect(sessions.of(user('alice'))).toEqual(opened.slice(index + 1))
  }
  expect(sessions.count).toBe(1)
})

test('nothing is left of a session that ended', () => {
  const sessions = startSessions()
  const connection = new DetachedConnection('c1')
  const session = sessions.open(connection, principalOf('alice'))
  sessions.connectionClosed(connection)
  expect([sessions.get(session.id), sessions.ofConnection(connection)]).toEqual([undefined, undefined])
  expect([sessions.of(user('alice')), sessions.count]).toEqual([[], 0])
})

test('the end of a session is told once, after it is gone', () => {
  const sessions = startSessions()
  const told: [Session, number][] = []
  sessions.onClosed((session) => told.push([session, sessions.of(session.principal.user).length]))
  const connection = new DetachedConnection('c1')
  const session = sessions.open(connection, principalOf('alice'))
  sessions.connectionClosed(connection)
  sessions.connectionClosed(connection)
  expect(told).toEqual([[session, 0]])
})

test('a connection that nobody logged in on ends silently', () => {
  const sessions = startSessions()
  const told: Session[] = []
  sessions.onClosed((session) => told.push(session))
  sessions.connectionClosed(new DetachedConnection('c1'))
  expect(told).toEqual([])
})

test('a connection that closed during the login gets no session', () => {
  const sessions = startSessions()
  const connection = new DetachedConnection('c1')
  connection.close()
  expect(() => sessions.open(connection, principalOf('alice'))).toThrow('closed')
  expect(sessions.count).toBe(0)
})

test('a refresh keeps id and rooms and renews the principal', () => {
  const sessions = startSessions()
  const connection = new DetachedConnection('c1')
  const session = sessions.open(connection, principalOf('alice', 1000))
  const lobby = parseRoomId('lobby')
  if (lobby !== undefined) session.rooms.add(lobby)
  sessions.refresh(session, principalOf('alice', 2000))
  expect(connection.grant).toEqual({ principal: principalOf('alice', 2000), session: session.id })
  expect([session.principal.expiresAtMs, [...session.rooms]]).toEqual([2000, ['lobby']])
})

test('an unknown id has no session', () => {
  expect(startSessions().get(trustedSessionId('nobody'))).toBeUndefined()
})
