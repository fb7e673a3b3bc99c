import { CONTROLS } from './printable.js'

/**
 * One line of JSON. Bytes become base64, `undefined` null, integers beyond JSON's a string; what a terminal would obey is
 * escaped, which is the same to a program.
 */
export function toJsonLine(value: unknown): string {
  // JSON itself has no control characters, so what is found stands inside a string.
  return JSON.stringify(plain(value) ?? null).replaceAll(CONTROLS, escaped)
}

const escaped = (control: string): string => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]))
}
