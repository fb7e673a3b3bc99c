import { parseRoomId, parseUserId } from '../../src/protocol/ids.js'
import { limitNames, listFields, naiveRules } from './naive-grammar.js'

export interface NaiveFrame {
  readonly type: number
  readonly payload: Uint8Array
}
export type NaivePacket = Readonly<Record<string, unknown>>

/** `close` is the name of a close code. */
export class NaiveFault extends Error {
  constructor(readonly close: string) {
    super(close)
  }
}

const MAGIC = [0xde, 0xad, 0xbe, 0xef]

/** All frames in `bytes`, a whole stream as far as it came. Throws no fault: it is the last item. */
export function naiveDecodeFrames(
  bytes: Uint8Array,
  options: { readonly maxFrameBytes: number; readonly eof?: boolean },
): readonly (NaiveFrame | NaiveFault)[] {
  const items: (NaiveFrame | NaiveFault)[] = []
  let left = bytes
  while (left.length > 0) {
    const item = firstFrame(left, options.maxFrameBytes)
    if (item === undefined) return options.eof === true ? [...items, new NaiveFault('EofInFrame')] : items
    items.push(item)
    if (item instanceof NaiveFault) return items
    left = left.slice(16 + item.payload.length)
  }
  return items
}

function firstFrame(bytes: Uint8Array, maxFrameBytes: number): NaiveFrame | NaiveFault | undefined {
  if (MAGIC.some((byte, at) => at < bytes.length && bytes[at] !== byte)) return new NaiveFault('BadMagic')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 8) return undefined
  if (view.getUint32(4) !== 1) return new NaiveFault('BadFrameVersion')
  if (bytes.length < 12) return undefined
  const type = view.getUint32(8)
  if (type !== 1 && type !== 2) return new NaiveFault('BadFrameType')
  if (bytes.length < 16) return undefined
  const length = view.getUint32(12)
  if (length > maxFrameBytes) return new NaiveFault('FrameTooLarge')
  if (bytes.length < 16 + length) return undefined
  return { type, payload: bytes.slice(16, 16 + length) }
}

export function naiveDecodePacket(frame: NaiveFrame): NaivePacket {
  const fields = new NaiveFields(frame.payload)
  if (frame.payload.length < 6) throw new NaiveFault('TruncatedPacket')
  const operation = fields.uint(1)
  const flags = fields.uint(1)
  const correlation = fields.uint(4)
  const rule = naiveRules.find((each) => each.operation === operation)
  if (rule === undefined) throw new NaiveFault('UnknownOperation')
  if (frame.type !== (operation < 0x40 ? 1 : 2)) throw new NaiveFault('WrongFrameType')
  const has = { four: (flags & 4) !== 0, metadata: (flags & 8) !== 0 }
  if (flags >= 16 || (has.four && !rule.deadline && !rule.age) || (has.metadata && !rule.metadata))
    throw new NaiveFault('BadField')
  if (flags % 4 === 3 || (flags % 4 !== 0 && !rule.priority)) throw new NaiveFault('BadField')
  if ((correlation === 0) === rule.correlated) throw new NaiveFault('BadField')
  const packet: Record<string, unknown> = { kind: rule.kind }
  if (rule.correlated) packet['correlation'] = correlation
  if (rule.priority) packet['priority'] = flags % 4
  for (const [name, type] of rule.fields) {
    const isAbsent = ((type === 'deadline' || type === 'age') && !has.four) || (type === 'metadata' && !has.metadata)
    packet[name] = isAbsent ? undefined : fields.read(type)
  }
  if (fields.left() > 0) throw new NaiveFault('TrailingBytes')
  return packet
}

class NaiveFields {
  #at = 0
  constructor(readonly bytes: Uint8Array) {}

  left(): number {
    return this.bytes.length - this.#at
  }

  take(length: number | bigint): Uint8Array {
    if (length > this.left()) throw new NaiveFault('TruncatedPacket')
    const taken = this.bytes.slice(this.#at, this.#at + Number(length))
    this.#at += Number(length)
    return taken
  }

  uint(size: number): number {
    let value = 0n
    for (const byte of this.take(size)) value = value * 256n + BigInt(byte)
    return safe(value)
  }

  varint(): bigint {
    const bits: number[] = []
    for (;;) {
      const byte = this.uint(1)
      bits.push(byte % 128)
      if (byte < 128) break
      if (bits.length === 8) throw new NaiveFault('BadField')
    }
    if (bits.length > 1 && bits.at(-1) === 0) throw new NaiveFault('BadField')
    const value = bits.reduceRight((sum, seven) => sum * 128n + BigInt(seven), 0n)
    safe(value)
    return value
  }

  text(length: number): string {
    const bytes = this.take(length)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      throw new NaiveFault('BadField')
    }
  }

  read(type: string): unknown {
    switch (type) {
      case 'u8':
        return this.uint(1)
      case 'u16':
        return this.uint(2)
      case 'u32':
      case 'deadline':
      case 'age':
        return this.uint(4)
      case 'u64':
        return this.uint(8)
      case 'str8':
        return this.text(this.uint(1))
      case 'str16':
        return this.text(this.uint(2))
      case 'bytes16':
        return Buffer.from(this.take(this.uint(2)))
      case 'id16':
        return Buffer.from(this.take(16))
      case 'rest':
        return Buffer.from(this.take(this.left()))
      case 'of2':
        return known(this.uint(1), 2)
      case 'of3':
        return known(this.uint(1), 3)
      default:
        return this.#readNamed(type)
    }
  }

  #readNamed(type: string): unknown {
    switch (type) {
      case 'authentication':
        return known(this.uint(1), 2) === 0 ? 'none' : 'token'
      case 'room':
        return parseRoomId(this.text(this.uint(1))) ?? refuse()
      case 'user':
        return parseUserId(this.text(this.uint(1))) ?? refuse()
      case 'session':
        return this.text(this.uint(1)) || refuse()
      case 'pattern':
        return this.#readPattern()
      case 'limits':
        return this.#readLimits()
      case 'metadata':
        return this.#readMetadata()
      case 'records':
        return this.#readRecords()
      default:
        return this.#readList(listFields[type] ?? [])
    }
  }

  #readPattern(): string {
    const length = this.uint(2)
    const pattern = this.text(length)
    return length >= 1 && length <= 1024 ? pattern : refuse()
  }

  #readList(entry: readonly (readonly [string, string])[]): unknown[] {
    const count = this.uint(2)
    const list: unknown[] = []
    for (let at = 0; at < count; at += 1)
      list.push(Object.fromEntries(entry.map(([name, type]) => [name, this.read(type)])))
    return list
  }

  #readLimits(): unknown {
    const ids: number[] = []
    const told: [string, number][] = []
    const count = this.uint(1)
    for (let at = 0; at < count; at += 1) {
      const id = this.uint(1)
      if (ids.includes(id)) refuse()
      ids.push(id)
      const value = this.uint(4)
      const name = limitNames[id - 1]
      if (name !== undefined) told.push([name, value])
    }
    return Object.fromEntries(told)
  }

  #readMetadata(): unknown {
    const metadata = new Map<string, string>()
    const count = this.uint(1)
    for (let at = 0; at < count; at += 1) {
      const key = this.text(this.uint(1))
      if (metadata.has(key)) refuse()
      metadata.set(key, this.text(this.uint(2)))
    }
    return Object.fromEntries(metadata)
  }

  #readRecords(): unknown[] {
    let seq = BigInt(this.uint(8))
    let time = BigInt(this.uint(8))
    const senders: unknown[] = []
    for (let left = this.varint() || refuse(); left > 0n; left -= 1n) senders.push(this.read('user'))
    const records: unknown[] = []
    for (let left = this.varint() || refuse(); left > 0n; left -= 1n) {
      const kind = this.uint(1)
      if (kind < 1 || kind > 3) refuse()
      const prev = seq
      seq += this.varint() || refuse()
      safe(seq)
      time += this.#zigzag()
      if (time < 0n) refuse()
      safe(time)
      const index = this.varint()
      if (index >= senders.length) refuse()
      const body = this.#readRecordBody(kind)
      records.push({
        kind,
        seq: Number(seq),
        prev: Number(prev),
        timeMs: Number(time),
        sender: senders[Number(index)],
        body,
      })
    }
    return records
  }

  #zigzag(): bigint {
    const value = this.varint()
    if (value === 2n ** 53n - 1n) refuse()
    return value % 2n === 0n ? value / 2n : -(value + 1n) / 2n
  }

  #readRecordBody(kind: number): Buffer {
    const body = Buffer.from(this.take(this.varint()))
    if (kind === 2) new NaiveFields(body).text(body.length)
    if (kind === 3 && !(body.length === 1 && [0, 1, 2].includes(body[0] ?? -1))) refuse()
    return body
  }
}

function refuse(): never {
  throw new NaiveFault('BadField')
}

function safe(value: bigint): number {
  return value < 2n ** 53n ? Number(value) : refuse()
}

function known(value: number, choices: number): number {
  return value < choices ? value : refuse()
}
