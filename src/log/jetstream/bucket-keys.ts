/**
 * Keys of the state as keys of a NATS bucket. Pure. Names are base64url, so that none can act as `*`, `>` or `.`;
 * a name of no characters is `=`, for a token cannot be empty.
 */
import { keyOfText, textOfKey } from '../state-key.js'
import type { StateKey } from '../state-store.js'

const NO_NAME = '='

/** Throws `RangeError` for a name that no key may have. */
export function bucketKey(key: StateKey): string {
  textOfKey(key)
  const [table, ...names] = key
  return [table, ...names.map((name) => Buffer.from(name).toString('base64url') || NO_NAME)].join('.')
}

/** `undefined` if it is no key of the state. */
export function keyOfBucket(text: string): StateKey | undefined {
  const [table = '', ...tokens] = text.split('.')
  const names = tokens.map((token) => (token === NO_NAME ? '' : Buffer.from(token, 'base64url').toString()))
  const key = keyOfText([table, ...names, ''].join('\0'))
  return key !== undefined && key.length === tokens.length + 1 && bucketKey(key) === text ? key : undefined
}
