/** Keys of the state as text: each part ends with U+0000, so that the key of a prefix is a prefix of the key. Pure. */
import { MAX_NAME_BYTES } from '../protocol/ids.js'
import type { StateKey } from './state-store.js'

const END = '\0'

/** Throws `RangeError` for a name that no key may have. */
export function textOfKey(key: StateKey): string {
  for (const name of key) {
    if (name.includes(END) || Buffer.byteLength(name) > MAX_NAME_BYTES) {
      throw new RangeError('a name in a key has U+0000 or is too long')
    }
  }
  return `${key.join(END)}${END}`
}
