/** At least one packet of every kind, each field with a telling value; a kind without examples does not compile. */
import { Priority } from '../../src/protocol/constants.js'
import {
  parseRoomId,
  parseUserId,
  trustedEpoch,
  trustedSeq,
  trustedSessionId,
  type RoomId,
  type UserId,
} from '../../src/protocol/ids.js'
import {
  GapReason,
  LeaveReason,
  RecordKind,
  ResumeOutcome,
  RoomRole,
  WireRole,
  type Packet,
  type PacketKind,
  type RoomRecord,
} from '../../src/protocol/packets.js'

export function roomOf(name: string): RoomId {
  const room = parseRoomId(name)
  if (room === undefined) throw new Error(`${name} is no room name`)
  return room
}

export function userOf(name: string): UserId {
  const user = parseUserId(name)
  if (user === undefined) throw new Error(`${name} is no user name`)
  return user
}

const NONE = Buffer.alloc(0)
const lobby = roomOf('lobby')
const epoch = trustedEpoch(1_760_000_000_000)
const grant = {
  user: userOf('Zoë Ångström'),
  session: trustedSessionId('s-1'),
  role: WireRole.Service,
  expiresAtMs: 1_760_000_600_000,
  dedupWindowMs: 120_000,
  ticket: Buffer.from('ticket'),
}

/** A text of `alice`, following `prev`. */
export function textRecord(seq: number, prev: number, body: Buffer | string): RoomRecord {
  return {
    kind: RecordKind.Text,
    seq: trustedSeq(seq),
    prev: trustedSeq(prev),
    timeMs: 1_760_000_000_000 + seq,
    sender: userOf('alice'),
    body: Buffer.from(body),
  }
}

const records: readonly RoomRecord[] = [
  { ...textRecord(7, 5, 'Bob'), kind: RecordKind.Join, sender: userOf('bob') },
  textRecord(8, 7, 'hello, Bob – 你好'),
  { ...textRecord(300, 8, ''), timeMs: 1_759_999_999_000 },
  { ...textRecord(301, 300, Buffer.of(LeaveReason.Kicked)), kind: RecordKind.Leave, sender: userOf('bob') },
]

type Examples = { readonly [Kind in PacketKind]: readonly Extract<Packet, { readonly kind: Kind }>[] }

export const examplePackets: Examples = {
  hello: [{ kind: 'hello', minVersion: 1, maxVersion: 3, features: 3, agent: 'nestwire-ts/0.1.0 – test' }],
  welcome: [
    { kind: 'welcome', version: 1, features: 0, authentication: 'none', connection: 'c1', limits: {} },
    {
      kind: 'welcome',
      version: 1,
      features: 1,
      authentication: 'token',
      connection: 'c2',
      limits: {
        maxFrameBytes: 65_536,
        maxInFlightRequests: 64,
        maxRoomsPerConnection: 100,
        pingIntervalMs: 25_000,
        idleTimeoutMs: 60_000,
        maxMessageBytes: 16_384,
      },
    },
  ],
  auth: [{ kind: 'auth', correlation: 1, redirects: 2, token: 'header.claims.signature' }],
  authOk: [{ kind: 'authOk', correlation: 1, ...grant }],
  ping: [{ kind: 'ping', correlation: 0xffff_ffff }],
  pong: [{ kind: 'pong', correlation: 1 }],
  limits: [{ kind: 'limits', limits: { pingIntervalMs: 0, maxMessageBytes: 0xffff_ffff } }],
  goAway: [{ kind: 'goAway', code: 2001, slotMs: 1500, deadlineMs: 25_000, target: 'node-b:7420' }],
  close: [{ kind: 'close', code: 2000, retryAfterMs: 5000, target: '', message: 'too many connections' }],
  resume: [
    { kind: 'resume', correlation: 2, redirects: 0, ticket: NONE, positions: [] },
    {
      kind: 'resume',
      correlation: 2,
      redirects: 1,
      ticket: grant.ticket,
      positions: [{ room: lobby, epoch, seq: trustedSeq(9) }],
    },
  ],
  resumed: [
    {
      kind: 'resumed',
      correlation: 2,
      ...grant,
      rooms: [
        { room: lobby, epoch, from: trustedSeq(9), to: trustedSeq(12), outcome: ResumeOutcome.Whole },
        { room: roomOf('team/blue'), epoch, from: trustedSeq(0), to: trustedSeq(0), outcome: ResumeOutcome.NotAMember },
      ],
    },
  ],
  ticket: [{ kind: 'ticket', expiresAtMs: Number.MAX_SAFE_INTEGER, ticket: grant.ticket }],
  position: [{ kind: 'position', receivedBytes: 2 ** 40, positions: [{ room: lobby, seq: trustedSeq(12) }] }],
  request: [
    {
      kind: 'request',
      correlation: 3,
      priority: Priority.Low,
      deadlineMs: 1500,
      metadata: { trace: '00-0af7', Zoë: '' },
      pattern: '{"cmd":"sum"}',
      body: Buffer.from('93010203', 'hex'),
    },
    {
      kind: 'request',
      correlation: 4,
      priority: Priority.Normal,
      deadlineMs: undefined,
      metadata: undefined,
      pattern: 'x',
      body: NONE,
    },
  ],
  event: [
    { kind: 'event', priority: Priority.High, metadata: {}, pattern: 'rooms.left', body: Buffer.of(0xc0) },
    { kind: 'event', priority: Priority.Normal, metadata: undefined, pattern: 'x', body: NONE },
  ],
  reply: [{ kind: 'reply', correlation: 5, body: Buffer.of(0xc3) }],
  next: [{ kind: 'next', correlation: 5, body: NONE }],
  end: [{ kind: 'end', correlation: 5 }],
  error: [{ kind: 'error', correlation: 5, code: 4, retryAfterMs: 250, message: 'room: too short', body: NONE }],
  cancel: [{ kind: 'cancel', correlation: 5 }],
  join: [{ kind: 'join', correlation: 6, room: lobby }],
  joined: [
    { kind: 'joined', correlation: 6, room: lobby, epoch, seq: trustedSeq(0), role: RoomRole.Owner, members: 1 },
  ],
  publish: [
    {
      kind: 'publish',
      correlation: 7,
      priority: Priority.High,
      room: lobby,
      messageId: Buffer.from('0123456789abcdef'),
      body: Buffer.from('hi'),
    },
    {
      kind: 'publish',
      correlation: 8,
      priority: Priority.Low,
      ageMs: 1_500,
      room: lobby,
      messageId: Buffer.from('0123456789abcdef'),
      body: Buffer.from('hi again'),
    },
  ],
  ack: [{ kind: 'ack', correlation: 7, seq: trustedSeq(2 ** 40 + 1), timeMs: 1_760_000_000_120 }],
  deliver: [{ kind: 'deliver', room: lobby, epoch, records }],
  gap: [{ kind: 'gap', room: lobby, epoch, from: trustedSeq(3), to: trustedSeq(9), reason: GapReason.EpochChanged }],
}

export const allExamplePackets: readonly Packet[] = Object.values(examplePackets).flat()
