/** `limits => count:u8 (id:u8 value:u32)*`, shared by WELCOME and LIMITS. */
import type { WireLimits } from './packets.js'
import { badField, type Reader } from './reader.js'
import type { Writer } from './writer.js'

const idsOfLimits: readonly (readonly [name: keyof WireLimits, id: number])[] = [
  ['maxFrameBytes', 1],
  ['maxInFlightRequests', 2],
  ['maxRoomsPerConnection', 3],
  ['pingIntervalMs', 4],
  ['idleTimeoutMs', 5],
  ['maxMessageBytes', 6],
]
const nameOfId = new Map(idsOfLimits.map(([name, id]) => [id, name]))

export function writeLimits(writer: Writer, limits: WireLimits): void {
  const told = idsOfLimits.filter(([name]) => limits[name] !== undefined)
  writer.u8(told.length)
  for (const [name, id] of told) {
    writer.u8(id)
    writer.u32(limits[name] ?? 0)
  }
}

export function readLimits(reader: Reader): WireLimits {
  const limits: { -readonly [Name in keyof WireLimits]: WireLimits[Name] } = {}
  const seen = new Set<number>()
  for (let left = reader.u8(); left > 0; left -= 1) {
    const id = reader.u8()
    if (seen.has(id)) throw badField(`limit ${id} twice`)
    seen.add(id)
    const value = reader.u32()
    const name = nameOfId.get(id)
    if (name !== undefined) limits[name] = value
  }
  return limits
}
