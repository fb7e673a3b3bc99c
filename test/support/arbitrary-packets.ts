/** Every packet kind at random, edges of the number and length ranges included; a kind without one does not compile. */
import * as fc from 'fast-check'
import { MESSAGE_ID_BYTES, Priority } from '../../src/protocol/constants.js'
import { trustedEpoch, trustedSeq, trustedSessionId } from '../../src/protocol/ids.js'
import {
  GapReason,
  LeaveReason,
  RecordKind,
  ResumeOutcome,
  RoomRole,
  WireRole,
  type Deliver,
  type Packet,
  type PacketKind,
  type RoomRecord,
  type WireLimits,
} from '../../src/protocol/packets.js'
import { roomOf, userOf } from './example-packets.js'

const MAX_U32 = 0xffff_ffff
const u8 = fc.integer({ min: 0, max: 0xff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.oneof(fc.integer({ min: 0, max: MAX_U32 }), fc.constantFrom(0, 1, MAX_U32))
const u64 = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER))
const seq = u64.map(trustedSeq)
const epoch = u64.map(trustedEpoch)
const correlation = fc.oneof(fc.integer({ min: 1, max: MAX_U32 }), fc.constantFrom(1, MAX_U32))
const priority = fc.constantFrom(...Object.values(Priority))
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const words = fc.string({ unit: 'grapheme', maxLength: 40 })
const name = fc.oneof(
  fc.constantFrom('a', 'lobby', 'team/blue', 'Zoë Ångström', '你好', 'x'.repeat(128), 'é'.repeat(64)),
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:@/#+-]{0,30}$/),
)
const room = name.map(roomOf)
const user = name.map(userOf)
const metadata = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 20 }), words, { maxKeys: 5 })
const pattern = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 })

const limits: fc.Arbitrary<WireLimits> = fc.record(
  {
    maxFrameBytes: u32,
    maxInFlightRequests: u32,
    maxRoomsPerConnection: u32,
    pingIntervalMs: u32,
    idleTimeoutMs: u32,
    maxMessageBytes: u32,
  },
  { requiredKeys: [] },
)

const grant = {
  user,
  session: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map(trustedSessionId),
  role: fc.constantFrom(...Object.values(WireRole)),
  expiresAtMs: u64,
  dedupWindowMs: u32,
  ticket: bytes,
}

const recordContent = fc.oneof(
  fc.record({ kind: fc.constant(RecordKind.Text), body: bytes }),
  fc.record({ kind: fc.constant(RecordKind.Join), body: words.map((word) => Buffer.from(word)) }),
  fc.record({
    kind: fc.constant(RecordKind.Leave),
    body: fc.constantFrom(...Object.values(LeaveReason)).map((reason) => Buffer.of(reason)),
  }),
)
const recordSeed = fc.record({
  content: recordContent,
  sender: user,
  step: fc.oneof(fc.constantFrom(1, 2, 127, 128, 2 ** 40), fc.integer({ min: 1, max: 1000 })),
  timeMs: fc.oneof(fc.nat(), fc.constantFrom(0, 1_760_000_000_000, 2 ** 52 - 1)),
})

/** Consecutive records after a random position. */
export const arbitraryRecords: fc.Arbitrary<readonly RoomRecord[]> = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 40 }), fc.array(recordSeed, { minLength: 1, maxLength: 20 }))
  .map(([start, seeds]) => {
    let prev = start
    return seeds.map(({ content, sender, step, timeMs }) => {
      const record: RoomRecord = {
        ...content,
        seq: trustedSeq(prev + step),
        prev: trustedSeq(prev),
        timeMs,
        sender,
      }
      prev += step
      return record
    })
  })

const deliver: fc.Arbitrary<Deliver> = fc.record({
  kind: fc.constant('deliver'),
  room,
  epoch,
  records: arbitraryRecords,
})

type Arbitraries = { readonly [Kind in PacketKind]: fc.Arbitrary<Extract<Packet, { readonly kind: Kind }>> }
const kind = <Kind extends PacketKind>(value: Kind): fc.Arbitrary<Kind> => fc.constant(value)
const few = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> => fc.array(item, { maxLength: 5 })

export const arbitraryPackets: Arbitraries = {
  hello: fc.record({ kind: kind('hello'), minVersion: u32, maxVersion: u32, features: u32, agent: words }),
  welcome: fc.record({
    kind: kind('welcome'),
    version: u32,
    features: u32,
    authentication: fc.constantFrom('none', 'token'),
    connection: words,
    limits,
  }),
  auth: fc.record({ kind: kind('auth'), correlation, redirects: u8, token: words }),
  authOk: fc.record({ kind: kind('authOk'), correlation, ...grant }),
  ping: fc.record({ kind: kind('ping'), correlation }),
  pong: fc.record({ kind: kind('pong'), correlation }),
  limits: fc.record({ kind: kind('limits'), limits }),
  goAway: fc.record({ kind: kind('goAway'), code: u16, slotMs: u32, deadlineMs: u32, target: words }),
  close: fc.record({ kind: kind('close'), code: u16, retryAfterMs: u32, target: words, message: words }),
  resume: fc.record({
    kind: kind('resume'),
    correlation,
    redirects: u8,
    ticket: bytes,
    positions: few(fc.record({ room, epoch, seq })),
  }),
  resumed: fc.record({
    kind: kind('resumed'),
    correlation,
    ...grant,
    rooms: few(
      fc.record({ room, epoch, from: seq, to: seq, outcome: fc.constantFrom(...Object.values(ResumeOutcome)) }),
    ),
  }),
  ticket: fc.record({ kind: kind('ticket'), expiresAtMs: u64, ticket: bytes }),
  position: fc.record({ kind: kind('position'), receivedBytes: u64, positions: few(fc.record({ room, seq })) }),
  request: fc.record({
    kind: kind('request'),
    correlation,
    priority,
    deadlineMs: fc.option(u32, { nil: undefined }),
    metadata: fc.option(metadata, { nil: undefined }),
    pattern,
    body: bytes,
  }),
  event: fc.record({
    kind: kind('event'),
    priority,
    metadata: fc.option(metadata, { nil: undefined }),
    pattern,
    body: bytes,
  }),
  reply: fc.record({ kind: kind('reply'), correlation, body: bytes }),
  next: fc.record({ kind: kind('next'), correlation, body: bytes }),
  end: fc.record({ kind: kind('end'), correlation }),
  error: fc.record({ kind: kind('error'), correlation, code: u16, retryAfterMs: u32, message: words, body: bytes }),
  cancel: fc.record({ kind: kind('cancel'), correlation }),
  join: fc.record({ kind: kind('join'), correlation, room }),
  joined: fc.record({
    kind: kind('joined'),
    correlation,
    room,
    epoch,
    seq,
    role: fc.constantFrom(...Object.values(RoomRole)),
    members: u32,
  }),
  publish: fc.record({
    kind: kind('publish'),
    correlation,
    priority,
    ageMs: fc.option(u32, { nil: undefined }),
    room,
    messageId: fc
      .uint8Array({ minLength: MESSAGE_ID_BYTES, maxLength: MESSAGE_ID_BYTES })
      .map((array) => Buffer.from(array)),
    body: bytes,
  }),
  ack: fc.record({ kind: kind('ack'), correlation, seq, timeMs: u64 }),
  deliver,
  gap: fc.record({
    kind: kind('gap'),
    room,
    epoch,
    from: seq,
    to: seq,
    reason: fc.constantFrom(...Object.values(GapReason)),
  }),
}

export const arbitraryPacket: fc.Arbitrary<Packet> = fc.oneof(...Object.values(arbitraryPackets))
