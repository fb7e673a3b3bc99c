/** HELLO to RESUMED: how a connection becomes somebody's. */
import { Operation } from './operations.js'
import { readLimits, writeLimits } from './limits-block.js'
import type { PacketCodecs } from './packet-codec.js'
import { ResumeOutcome, WireRole, type AuthOk, type ResumedRoom, type RoomPosition } from './packets.js'
import { badField, type Reader } from './reader.js'
import { trustedSessionId, type SessionId } from './ids.js'
import type { Writer } from './writer.js'

const authentications = ['none', 'token'] as const
const roles = Object.values(WireRole)
const outcomes = Object.values(ResumeOutcome)

export const handshakeCodecs = {
  hello: {
    operation: Operation.Hello,
    isCorrelated: false,
    flags: 0,
    write(writer, packet) {
      writer.u32(packet.minVersion)
      writer.u32(packet.maxVersion)
      writer.u32(packet.features)
      writer.str8(packet.agent)
    },
    read: (reader) => ({
      kind: 'hello',
      minVersion: reader.u32(),
      maxVersion: reader.u32(),
      features: reader.u32(),
      agent: reader.str8(),
    }),
  },
  welcome: {
    operation: Operation.Welcome,
    isCorrelated: false,
    flags: 0,
    write(writer, packet) {
      writer.u32(packet.version)
      writer.u32(packet.features)
      writer.u8(authentications.indexOf(packet.authentication))
      writer.str8(packet.connection)
      writeLimits(writer, packet.limits)
    },
    read: (reader) => ({
      kind: 'welcome',
      version: reader.u32(),
      features: reader.u32(),
      authentication: readAuthentication(reader),
      connection: reader.str8(),
      limits: readLimits(reader),
    }),
  },
  auth: {
    operation: Operation.Auth,
    isCorrelated: true,
    flags: 0,
    write(writer, packet) {
      writer.u8(packet.redirects)
      writer.str16(packet.token)
    },
    read: (reader, { correlation }) => ({
      kind: 'auth',
      correlation,
      redirects: reader.u8(),
      token: reader.str16(),
    }),
  },
  authOk: {
    operation: Operation.AuthOk,
    isCorrelated: true,
    flags: 0,
    write: writeAdmission,
    read: (reader, { correlation }) => ({ kind: 'authOk', correlation, ...readAdmission(reader) }),
  },
  resume: {
    operation: Operation.Resume,
    isCorrelated: true,
    flags: 0,
    write(writer, packet) {
      writer.u8(packet.redirects)
      writer.bytes16(packet.ticket)
      writer.u16(packet.positions.length)
      for (const { room, epoch, seq } of packet.positions) {
        writer.str8(room)
        writer.u64(epoch)
        writer.u64(seq)
      }
    },
    read: (reader, { correlation }) => ({
      kind: 'resume',
      correlation,
      redirects: reader.u8(),
      ticket: reader.bytes16(),
      positions: readRoomPositions(reader),
    }),
  },
  resumed: {
    operation: Operation.Resumed,
    isCorrelated: true,
    flags: 0,
    write(writer, packet) {
      writeAdmission(writer, packet)
      writer.u16(packet.rooms.length)
      for (const room of packet.rooms) writeResumedRoom(writer, room)
    },
    read: (reader, { correlation }) => ({
      kind: 'resumed',
      correlation,
      ...readAdmission(reader),
      rooms: readResumedRooms(reader),
    }),
  },
  ticket: {
    operation: Operation.Ticket,
    isCorrelated: false,
    flags: 0,
    write(writer, packet) {
      writer.u64(packet.expiresAtMs)
      writer.bytes16(packet.ticket)
    },
    read: (reader) => ({ kind: 'ticket', expiresAtMs: reader.u64(), ticket: reader.bytes16() }),
  },
} satisfies Partial<PacketCodecs>

function readAuthentication(reader: Reader): 'none' | 'token' {
  return authentications[reader.oneOf([0, 1])]
}

/** The body of AUTH_OK, with which RESUMED begins. */
type Admission = Omit<AuthOk, 'kind' | 'correlation'>

function writeAdmission(writer: Writer, admission: Admission): void {
  writer.str8(admission.user)
  writer.str8(admission.session)
  writer.u8(admission.role)
  writer.u64(admission.expiresAtMs)
  writer.u32(admission.dedupWindowMs)
  writer.bytes16(admission.ticket)
}

const readAdmission = (reader: Reader): Admission => ({
  user: reader.user(),
  session: readSession(reader),
  role: reader.oneOf(roles),
  expiresAtMs: reader.u64(),
  dedupWindowMs: reader.u32(),
  ticket: reader.bytes16(),
})

function readSession(reader: Reader): SessionId {
  const session = reader.str8()
  if (session === '') throw badField('an empty session')
  return trustedSessionId(session)
}

function readRoomPositions(reader: Reader): RoomPosition[] {
  const positions: RoomPosition[] = []
  for (let left = reader.u16(); left > 0; left -= 1) {
    positions.push({ room: reader.room(), epoch: reader.epoch(), seq: reader.seq() })
  }
  return positions
}

function writeResumedRoom(writer: Writer, resumed: ResumedRoom): void {
  writer.str8(resumed.room)
  writer.u64(resumed.epoch)
  writer.u64(resumed.from)
  writer.u64(resumed.to)
  writer.u8(resumed.outcome)
}

function readResumedRooms(reader: Reader): ResumedRoom[] {
  const rooms: ResumedRoom[] = []
  for (let left = reader.u16(); left > 0; left -= 1) {
    rooms.push({
      room: reader.room(),
      epoch: reader.epoch(),
      from: reader.seq(),
      to: reader.seq(),
      outcome: reader.oneOf(outcomes),
    })
  }
  return rooms
}
