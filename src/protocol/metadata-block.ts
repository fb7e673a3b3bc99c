/** `metadata => count:u8 (key:str8 value:str16)*`, in REQUEST and EVENT if flag bit 3 is set. */
import type { Metadata } from './packets.js'
import { badField, type Reader } from './reader.js'
import type { Writer } from './writer.js'

export function writeMetadata(writer: Writer, metadata: Metadata): void {
  const entries = Object.entries(metadata)
  writer.u8(entries.length)
  for (const [key, value] of entries) {
    writer.str8(key)
    writer.str16(value)
  }
}

/** Without a prototype, so that a key `__proto__` is a key like any other. */
export function readMetadata(reader: Reader): Metadata {
  const metadata: Record<string, string> = Object.create(null)
  for (let left = reader.u8(); left > 0; left -= 1) {
    const key = reader.str8()
    if (key in metadata) throw badField('a metadata key twice')
    metadata[key] = reader.str16()
  }
  return metadata
}
