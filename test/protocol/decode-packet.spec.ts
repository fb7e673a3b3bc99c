import { describe, expect, test } from 'vitest'
import { FrameType, HEADER_BYTES } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Frame } from '../../src/protocol/frame-decoder.js'
import { Operation } from '../../src/protocol/operations.js'
import type { Packet } from '../../src/protocol/packets.js'
import { closeNameOf } from '../support/deliveries.js'
import { allExamplePackets, examplePackets } from '../support/example-packets.js'
import { naiveDecodePacket, NaiveFault } from '../support/naive-codec.js'

function frameOf(packet: Packet): Frame {
  const wire = encodePacket(packet)
  return { type: wire.readUInt32BE(8) === 1 ? FrameType.Control : FrameType.Data, payload: wire.subarray(HEADER_BYTES) }
}

function verdictOf(frame: Frame): string {
  try {
    decodePacket(frame)
    return 'decoded'
  } catch (error) {
    return closeNameOf(error)
  }
}

function naiveVerdictOf(frame: Frame): string {
  try {
    naiveDecodePacket(frame)
    return 'decoded'
  } catch (error) {
    if (!(error instanceof NaiveFault)) throw error
    return error.close
  }
}

/** The same frame with one byte of the preamble or body replaced. */
function patched({ type, payload }: Frame, at: number, byte: number): Frame {
  const copy = Buffer.from(payload)
  copy.writeUInt8(byte, at)
  return { type, payload: copy }
}

const endsInRest: ReadonlySet<string> = new Set(['request', 'event', 'reply', 'next', 'error', 'publish'])

describe.each(allExamplePackets.map((packet) => [packet.kind, packet] as const))('%s', (kind, packet) => {
  const frame = frameOf(packet)

  test('is decoded to what was encoded', () => {
    expect(decodePacket(frame)).toEqual(packet)
  })

  test('is truncated at every length short of its body', () => {
    for (let length = 0; length < frame.payload.length; length += 1) {
      const cut = { type: frame.type, payload: frame.payload.subarray(0, length) }
      expect(verdictOf(cut), `${length} bytes`).toBe(endsInRest.has(kind) ? naiveVerdictOf(cut) : 'TruncatedPacket')
    }
  })

  test('has nothing after its last field', () => {
    const longer = { type: frame.type, payload: Buffer.concat([frame.payload, Buffer.of(0)]) }
    expect(verdictOf(longer)).toBe(endsInRest.has(kind) ? 'decoded' : 'TrailingBytes')
  })

  test('is refused in the other frame type', () => {
    const type = frame.type === FrameType.Control ? FrameType.Data : FrameType.Control
    expect(verdictOf({ type, payload: frame.payload })).toBe('WrongFrameType')
  })

  test('is refused with its correlation turned to or from zero', () => {
    const payload = Buffer.from(frame.payload)
    payload.writeUInt32BE(payload.readUInt32BE(2) === 0 ? 1 : 0, 2)
    expect(verdictOf({ type: frame.type, payload })).toBe('BadField')
  })

  test('accepts no flags but its own', () => {
    const allowed = { request: 0b1111, event: 0b1011, publish: 0b0111 }
    const mask = kind === 'request' || kind === 'event' || kind === 'publish' ? allowed[kind] : 0
    for (let flags = 0; flags < 256; flags += 1) {
      const other = patched(frame, 1, flags)
      const isForbidden = (flags & ~mask) !== 0 || (flags & 3) === 3
      expect(verdictOf(other), `flags ${flags}`).toBe(isForbidden ? 'BadField' : naiveVerdictOf(other))
    }
  })

  test('agrees with the naive twin on every single-byte change', () => {
    for (let at = 0; at < frame.payload.length; at += 1) {
      for (const byte of [0x00, 0x01, 0x02, 0x03, 0x04, 0x7f, 0x80, 0xc0, 0xff]) {
        const other = patched(frame, at, byte)
        expect(verdictOf(other), `byte ${at} = ${byte}`).toBe(naiveVerdictOf(other))
      }
    }
  })
})

test('every operation of the table has an example', () => {
  const operations = allExamplePackets.map((packet) => frameOf(packet).payload[0])
  expect(new Set(operations)).toEqual(new Set(Object.values(Operation)))
})

test('every other operation is unknown in both frame types', () => {
  const known = new Set<number>(Object.values(Operation))
  const unknown = Array.from({ length: 256 }, (_, operation) => operation).filter((each) => !known.has(each))
  for (const operation of unknown) {
    const payload = Buffer.of(operation, 0, 0, 0, 0, 1)
    expect(verdictOf({ type: FrameType.Control, payload })).toBe('UnknownOperation')
    expect(verdictOf({ type: FrameType.Data, payload })).toBe('UnknownOperation')
  }
})

test('byte fields are views of the payload', () => {
  const [publish] = examplePackets.publish
  if (publish === undefined) throw new Error('no example')
  const frame = frameOf(publish)
  const decoded = decodePacket(frame)
  frame.payload.fill('!', frame.payload.length - publish.body.length)
  expect(decoded).toMatchObject({ body: Buffer.from('!'.repeat(publish.body.length)) })
})

test('a metadata key named __proto__ changes no prototype', () => {
  const metadata: Record<string, string> = Object.fromEntries([['__proto__', 'x']])
  const decoded = decodePacket(frameOf({ kind: 'event', priority: 0, metadata, pattern: 'p', body: Buffer.alloc(0) }))
  expect(decoded.kind === 'event' && Object.entries(decoded.metadata ?? {})).toEqual([['__proto__', 'x']])
  expect(Object.prototype).not.toHaveProperty('x')
})
