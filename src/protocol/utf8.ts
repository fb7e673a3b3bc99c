import { isAscii, isUtf8 } from 'node:buffer'

/** Below this many bytes a loop beats the native call (13 against 40 ns for a 16-byte room name on Node 20). */
const LOOP_BYTES = 48

/** The text in `bytes[start, end)`, or `undefined` if that is not well-formed UTF-8. */
export function utf8Between(bytes: Buffer, start: number, end: number): string | undefined {
  if (isAsciiBetween(bytes, start, end)) return bytes.toString('latin1', start, end)
  return isUtf8(bytes.subarray(start, end)) ? bytes.toString('utf8', start, end) : undefined
}

function isAsciiBetween(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > LOOP_BYTES) return isAscii(bytes.subarray(start, end))
  for (let at = start; at < end; at += 1) {
    if ((bytes[at] ?? 0) > 0x7f) return false
  }
  return true
}
