import { describe, expect, test } from 'vitest'
import {
  judgePacket,
  nextState,
  type ConnectionEvent,
  type ConnectionState,
  type PacketVerdict,
} from '../../src/protocol/connection-state.js'
import type { PacketKind } from '../../src/protocol/packets.js'
import { examplePackets } from '../support/example-packets.js'

const states = ['connecting', 'handshake', 'authenticated', 'active', 'draining'] as const

/** The table of section 6 of `docs/PROTOCOL.md`, one letter a state: a accept, r refuse, x OUT_OF_STATE. */
const table: Readonly<Record<PacketKind, string>> = {
  hello: 'axxxx',
  auth: 'xaxar',
  resume: 'xaxxx',
  ping: 'xaaaa',
  pong: 'xaaaa',
  close: 'aaaaa',
  position: 'xxxaa',
  cancel: 'xxxaa',
  request: 'xxxar',
  join: 'xxxar',
  publish: 'xxxar',
  event: 'xxxar',
  welcome: 'xxxxx',
  authOk: 'xxxxx',
  limits: 'xxxxx',
  goAway: 'xxxxx',
  resumed: 'xxxxx',
  ticket: 'xxxxx',
  reply: 'xxxxx',
  next: 'xxxxx',
  end: 'xxxxx',
  error: 'xxxxx',
  joined: 'xxxxx',
  ack: 'xxxxx',
  deliver: 'xxxxx',
  gap: 'xxxxx',
}
const verdicts: Readonly<Record<string, PacketVerdict>> = { a: 'accept', r: 'refuse', x: 'outOfState' }

const kinds = Object.values(examplePackets).flatMap(([packet]) => (packet === undefined ? [] : [packet.kind]))

describe.each(kinds)('%s', (kind) => {
  test.each(states.map((state, column) => [state, verdicts[table[kind].charAt(column)]] as const))(
    'in state %s is judged: %s',
    (state, verdict) => {
      expect(judgePacket(state, kind)).toBe(verdict)
    },
  )

  test('is ignored once the connection is closed', () => {
    expect(judgePacket('closed', kind)).toBe('ignore')
  })
})

describe('the states', () => {
  const events: Readonly<Record<string, ConnectionEvent>> = {
    'welcomed, with authentication': { kind: 'welcomed', authentication: 'token' },
    'welcomed, without authentication': { kind: 'welcomed', authentication: 'none' },
    granted: { kind: 'granted' },
    authOkWritten: { kind: 'authOkWritten' },
    drain: { kind: 'drain' },
    close: { kind: 'close' },
  }
  const moves: Readonly<Record<string, ConnectionState>> = {
    'connecting: welcomed, with authentication': 'handshake',
    'connecting: welcomed, without authentication': 'active',
    'handshake: granted': 'authenticated',
    'authenticated: authOkWritten': 'active',
    'active: drain': 'draining',
    'connecting: close': 'closed',
    'handshake: close': 'closed',
    'authenticated: close': 'closed',
    'active: close': 'closed',
    'draining: close': 'closed',
  }

  test.each([...states, 'closed' as const])('leave %s by their moves only', (state) => {
    for (const [name, event] of Object.entries(events)) {
      expect(nextState(state, event), name).toBe(moves[`${state}: ${name}`])
    }
  })
})
