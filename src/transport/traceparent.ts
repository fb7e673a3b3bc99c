/** The `traceparent` of W3C Trace Context in the metadata of a call: `version-trace-parent-flags`, lower-case hex. Pure. */
import type { Metadata } from '../protocol/packets.js'

const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/
/** Of version 00 it has 55; a later one may have more, but not without end. */
const MAX_CHARACTERS = 512

/** 32 hex digits; `undefined` without a `traceparent`, or with one that is none. */
export function traceIdOf(metadata: Metadata | undefined): string | undefined {
  const text = metadata?.['traceparent']
  if (text === undefined || text.length > MAX_CHARACTERS) return undefined
  return TRACEPARENT.exec(text)?.[1]
}
