import { randomFillSync } from 'node:crypto'
import { trustedSessionId, type SessionId } from '../protocol/ids.js'

const ID_BYTES = 16
/** Asking for random bytes takes 14 µs, however many. */
const pool = Buffer.allocUnsafeSlow(256 * ID_BYTES)
let used = pool.length

/** 128 random bits, each used once. */
export function newSessionId(): SessionId {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += ID_BYTES
  return trustedSessionId(pool.toString('base64url', used - ID_BYTES, used))
}
