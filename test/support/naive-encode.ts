import type { Packet } from '../../src/protocol/packets.js'
import { limitNames, listFields, naiveRules } from './naive-grammar.js'

type Fields = Readonly<Record<string, unknown>>

/** One whole frame. Refuses nothing: only for packets that have an encoding. */
export function naiveEncodePacket(packet: Packet): Uint8Array {
  const fields: Fields = { ...packet }
  const rule = naiveRules.find((each) => each.kind === packet.kind)
  if (rule === undefined) throw new Error(`no grammar for ${packet.kind}`)
  const deadline = rule.deadline && fields['deadlineMs'] !== undefined ? 4 : 0
  const age = rule.age && fields['ageMs'] !== undefined ? 4 : 0
  const metadata = rule.metadata && fields['metadata'] !== undefined ? 8 : 0
  const priority = rule.priority ? number(fields['priority']) : 0
  const payload = [
    rule.operation,
    priority + deadline + age + metadata,
    ...uint(rule.correlated ? fields['correlation'] : 0, 4),
    ...rule.fields.flatMap(([name, type]) => encode(type, fields[name])),
  ]
  const type = rule.operation < 0x40 ? 1 : 2
  const header = [0xde, 0xad, 0xbe, 0xef, ...uint(1, 4), ...uint(type, 4), ...uint(payload.length, 4)]
  return Uint8Array.from([...header, ...payload])
}

function encode(type: string, value: unknown): number[] {
  switch (type) {
    case 'u8':
    case 'of2':
    case 'of3':
      return uint(value, 1)
    case 'u16':
      return uint(value, 2)
    case 'u32':
      return uint(value, 4)
    case 'u64':
      return uint(value, 8)
    case 'deadline':
    case 'age':
      return value === undefined ? [] : uint(value, 4)
    case 'authentication':
      return [value === 'none' ? 0 : 1]
    case 'str8':
    case 'room':
    case 'user':
    case 'session':
      return prefixed(text(value), 1)
    case 'str16':
    case 'pattern':
      return prefixed(text(value), 2)
    case 'bytes16':
      return prefixed(bytes(value), 2)
    case 'id16':
    case 'rest':
      return bytes(value)
    default:
      return encodeBlock(type, value)
  }
}

function encodeBlock(type: string, value: unknown): number[] {
  switch (type) {
    case 'limits': {
      const limits = object(value)
      const told = limitNames.filter((name) => limits[name] !== undefined)
      return [told.length, ...told.flatMap((name) => [limitNames.indexOf(name) + 1, ...uint(limits[name], 4)])]
    }
    case 'metadata': {
      if (value === undefined) return []
      const entries = Object.entries(object(value))
      return [
        entries.length,
        ...entries.flatMap(([key, each]) => [...prefixed(text(key), 1), ...prefixed(text(each), 2)]),
      ]
    }
    case 'records':
      return encodeRecords(list(value))
    default: {
      const entry = listFields[type] ?? []
      const items = list(value)
      return [
        ...uint(items.length, 2),
        ...items.flatMap((item) => entry.flatMap(([name, kind]) => encode(kind, item[name]))),
      ]
    }
  }
}

function encodeRecords(records: readonly Fields[]): number[] {
  const first = records[0] ?? {}
  const senders = [...new Set(records.map((record) => record['sender']))]
  let seq = integer(first['prev'])
  let time = integer(first['timeMs'])
  const wire = [...uint(seq, 8), ...uint(time, 8), ...varint(BigInt(senders.length))]
  for (const sender of senders) wire.push(...prefixed(text(sender), 1))
  wire.push(...varint(BigInt(records.length)))
  for (const record of records) {
    const body = bytes(record['body'])
    const timeDelta = integer(record['timeMs']) - time
    wire.push(number(record['kind']), ...varint(integer(record['seq']) - seq))
    wire.push(...varint(timeDelta >= 0n ? timeDelta * 2n : timeDelta * -2n - 1n))
    wire.push(...varint(BigInt(senders.indexOf(record['sender']))), ...varint(BigInt(body.length)), ...body)
    seq = integer(record['seq'])
    time = integer(record['timeMs'])
  }
  return wire
}

function uint(value: unknown, size: number): number[] {
  const wire: number[] = []
  for (let left = integer(value); wire.length < size; left /= 256n) wire.unshift(Number(left % 256n))
  return wire
}

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value % 128n) + 128, ...varint(value / 128n)]
}

const prefixed = (content: readonly number[], size: number): number[] => [...uint(content.length, size), ...content]

function number(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError(`${String(value)} is no number`)
  return value
}

const integer = (value: unknown): bigint => (typeof value === 'bigint' ? value : BigInt(number(value)))

const text = (value: unknown): number[] => [...new TextEncoder().encode(String(value))]

function bytes(value: unknown): number[] {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${String(value)} is no bytes`)
  return [...value]
}

function object(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${String(value)} is no object`)
  return Object.fromEntries(Object.entries(value))
}

function list(value: unknown): readonly Fields[] {
  if (!Array.isArray(value)) throw new TypeError(`${String(value)} is no array`)
  return value.map(object)
}
