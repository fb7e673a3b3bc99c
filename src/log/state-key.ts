/** Keys of the state as text: each part ends with U+0000, so that the text of a prefix is a prefix of the text. Pure. */
import { MAX_NAME_BYTES } from '../protocol/ids.js'
import type { StateKey, StateTable } from './state-store.js'

const END = '\0'
const tables: Readonly<Record<StateTable, true>> = {
  room: true,
  member: true,
  ban: true,
  session: true,
  epoch: true,
  node: true,
}

/** Throws `RangeError` for a name that no key may have. */
export function textOfKey(key: StateKey): string {
  for (const name of key) {
    if (name.includes(END) || Buffer.byteLength(name) > MAX_NAME_BYTES) {
      throw new RangeError('a name in a key has U+0000 or is too long')
    }
  }
  return `${key.join(END)}${END}`
}

/** `undefined` if it is the text of no key. */
export function keyOfText(text: string): StateKey | undefined {
  const [table, ...names] = text.split(END)
  return isTable(table) && names.pop() === '' ? [table, ...names] : undefined
}

const isTable = (name: string | undefined): name is StateTable => name !== undefined && Object.hasOwn(tables, name)
