import { BodyDecoder } from './body-decoder.js'
import { BodyEncoder } from './body-encoder.js'

export { BodyError, type BodyFault } from './body-error.js'

const NO_VALUE = Buffer.alloc(0)

/** The MessagePack of `value`; nothing for `undefined`. Throws a BodyError if it has none within the limits. */
export function encodeBody(value: unknown): Buffer {
  return value === undefined ? NO_VALUE : new BodyEncoder().encode(value)
}

/**
 * The value of a body; `undefined` for an empty one. Binary values are views of `body`.
 * Throws a BodyError for anything but exactly one MessagePack value within `BODY_LIMITS`.
 */
export function decodeBody(body: Buffer): unknown {
  return body.length === 0 ? undefined : new BodyDecoder(body).decode()
}
