/** Texts of `MESSAGE_BYTES` that tell which they are. */
import { MESSAGE_BYTES } from './numbered-message.js'

const INDEX_DIGITS = 6

/** `index` from 0 on. */
export const indexedMessage = (index: number): string =>
  String(index).padStart(INDEX_DIGITS, '0').padEnd(MESSAGE_BYTES, 'x')

export const indexOf = (message: string): number => Number(message.slice(0, INDEX_DIGITS))
export const indexOfBody = (body: Buffer): number => Number(body.toString('latin1', 0, INDEX_DIGITS))
