/** One line of JSON. Bytes become base64, `undefined` null, integers beyond JSON's a string. */
export function toJsonLine(value: unknown): string {
  return JSON.stringify(plain(value) ?? null)
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]))
}
