/** Messages that tell which they are, and a chain over them that two readers share only if they read the same. */
import { randomBytes } from 'node:crypto'

export const MESSAGE_BYTES = 64
const INDEX_DIGITS = 6
const FNV_PRIME = 0x01000193

/** Text of `MESSAGE_BYTES`; `index` from 0 on. */
export const numberedMessage = (index: number): string =>
  String(index)
    .padStart(INDEX_DIGITS, '0')
    .padEnd(INDEX_DIGITS + 1) +
  randomBytes(MESSAGE_BYTES)
    .toString('hex')
    .slice(0, MESSAGE_BYTES - INDEX_DIGITS - 1)

export const indexOfMessage = (body: Buffer): number => Number(body.toString('latin1', 0, INDEX_DIGITS))

/** FNV-1a over seq and body, going on from `chain`; 0 starts one. */
export function continueChain(chain: number, seq: number, body: Buffer): number {
  let hash = Math.imul(chain ^ seq, FNV_PRIME)
  for (const byte of body) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return hash >>> 0
}
