/**
 * What a ticket says, and how it is sealed. Opaque to clients, and worth as much as the token it came from until it
 * expires. Pure.
 *
 * `ticket => version:u8 session:str8 user:str8 username:str8 role:u8 generation:u32 expiresAt:u64 tokenExpiresAt:u64
 * mac:32`; `mac` is the HMAC-SHA256 of all before it, `tokenExpiresAt` 0 = never.
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { trustedSessionId, type SessionId } from '../protocol/ids.js'
import { Reader } from '../protocol/reader.js'
import { Writer } from '../protocol/writer.js'
import type { Principal } from '../transport/authentication.js'
import { ROLES } from './claims.js'

const VERSION = 1
const MAC_BYTES = 32
/** Three texts of 255 bytes at most, and the numbers. */
const MAX_CONTENT_BYTES = 1024

export interface Ticket {
  readonly session: SessionId
  readonly principal: Principal
  /** How often the session was resumed before this ticket; see `session-generation.ts`. */
  readonly generation: number
  /** Unix milliseconds. Not after the principal's. */
  readonly expiresAtMs: number
}

export class TicketSeal {
  private readonly key: KeyObject
  /** Shared by all calls: sealing is synchronous. */
  private readonly scratch = new Writer(256, MAX_CONTENT_BYTES)

  constructor(secret: string) {
    this.key = createSecretKey(secret, 'utf8')
  }

  seal({ session, principal, generation, expiresAtMs }: Ticket): Buffer {
    const { scratch } = this
    scratch.reset()
    scratch.u8(VERSION)
    scratch.str8(session)
    scratch.str8(principal.user)
    scratch.str8(principal.username)
    scratch.u8(ROLES.indexOf(principal.role))
    scratch.u32(generation)
    scratch.u64(expiresAtMs)
    scratch.u64(Number.isFinite(principal.expiresAtMs) ? principal.expiresAtMs : 0)
    const content = scratch.toBuffer()
    return Buffer.concat([content, this.macOf(content)])
  }

  /** `undefined` for what was not sealed here: forged, cut, of another secret or an unknown version. Knows no time. */
  open(bytes: Buffer): Ticket | undefined {
    const content = bytes.subarray(0, -MAC_BYTES)
    const mac = bytes.subarray(content.length)
    if (mac.length !== MAC_BYTES || !timingSafeEqual(mac, this.macOf(content))) return undefined
    const reader = new Reader(content)
    return reader.u8() === VERSION ? readTicket(reader) : undefined
  }

  private macOf(content: Buffer): Buffer {
    return createHmac('sha256', this.key).update(content).digest()
  }
}

/** The seal is whole, so this is what was written; a fault here is a bug. */
function readTicket(reader: Reader): Ticket {
  const session = trustedSessionId(reader.str8())
  const user = reader.user()
  const username = reader.user()
  const role = ROLES[reader.u8()] ?? 'user'
  const generation = reader.u32()
  const expiresAtMs = reader.u64()
  const principal = { user, username, role, expiresAtMs: reader.u64() || Infinity }
  reader.end()
  return { session, principal, generation, expiresAtMs }
}
