import { describe, expect, test } from 'vitest'
import { HEADER_BYTES } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import { closeNameOf, deliveries, receiveFrames } from '../support/deliveries.js'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const GOOD_HEADER = hex('deadbeef 00000001 00000002')

/** A data frame with this payload; the length may lie. */
function frameOf(payload: Buffer | string, claimedBytes?: number): Buffer {
  const body = Buffer.from(payload)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(claimedBytes ?? body.length)
  return Buffer.concat([GOOD_HEADER, length, body])
}

function faultOf(act: () => unknown): { readonly close: string; readonly error: unknown } {
  try {
    act()
  } catch (error) {
    return { close: closeNameOf(error), error }
  }
  throw new Error('nothing was thrown')
}

describe.each(Object.entries(deliveries))('%s', (_how, cut) => {
  test('frames come out whole and in order', () => {
    const wire = Buffer.concat([frameOf('first'), frameOf(''), frameOf('x'.repeat(9000)), frameOf('last')])
    const { items, fault } = receiveFrames(cut(wire), { eof: true })
    expect(fault).toBeUndefined()
    expect(items.map(({ payload }) => payload.toString())).toEqual(['first', '', 'x'.repeat(9000), 'last'])
    expect(items.map(({ type }) => type)).toEqual([2, 2, 2, 2])
  })

  test('a payload exactly at the limit passes', () => {
    const { items, fault } = receiveFrames(cut(frameOf('12345678')), { maxFrameBytes: 8 })
    expect(fault).toBeUndefined()
    expect(items).toHaveLength(1)
  })

  test('a payload one byte above the limit is refused', () => {
    const wire = Buffer.concat([frameOf('ok'), frameOf('123456789')])
    const { items, fault } = receiveFrames(cut(wire), { maxFrameBytes: 8 })
    expect(fault).toBe('FrameTooLarge')
    expect(items).toHaveLength(1)
  })

  test.each([
    ['BadMagic', 'deadbeee 00000001 00000002 00000000'],
    ['BadFrameVersion', 'deadbeef 00000002 00000002 00000000'],
    ['BadFrameVersion', 'deadbeef 01000001 00000002 00000000'],
    ['BadFrameType', 'deadbeef 00000001 00000000 00000000'],
    ['BadFrameType', 'deadbeef 00000001 00000003 00000000'],
    ['FrameTooLarge', 'deadbeef 00000001 00000002 ffffffff'],
  ])('%s answers %s', (close, header) => {
    expect(receiveFrames(cut(hex(header))).fault).toBe(close)
  })

  test('a second magic does not restart a stream gone wrong', () => {
    const wire = Buffer.concat([hex('00'), frameOf('hidden')])
    const { items, fault } = receiveFrames(cut(wire))
    expect(fault).toBe('BadMagic')
    expect(items).toEqual([])
  })

  test('the end of the stream inside a frame is reported', () => {
    const wire = frameOf('payload')
    for (let length = 1; length < wire.length; length += 1) {
      expect(receiveFrames(cut(wire.subarray(0, length)), { eof: true }).fault, `${length} bytes`).toBe('EofInFrame')
    }
    expect(receiveFrames(cut(wire), { eof: true }).fault).toBeUndefined()
    expect(receiveFrames([], { eof: true }).fault).toBeUndefined()
  })
})

describe('the magic', () => {
  test.each(['00', 'de00', 'dead00', 'deadbe00'])('fails at its first differing byte: %s', (bytes) => {
    expect(receiveFrames([hex(bytes)]).fault).toBe('BadMagic')
  })

  test('is checked again for every frame', () => {
    const decoder = new FrameDecoder(100)
    decoder.push(frameOf('ok'))
    expect(decoder.next()?.payload.toString()).toBe('ok')
    decoder.push(hex('ad'))
    expect(faultOf(() => decoder.next()).close).toBe('BadMagic')
  })
})

describe('memory', () => {
  test('a frame that arrives whole is a view of its chunk', () => {
    const chunk = Buffer.concat([frameOf('one'), frameOf('two')])
    const frames = receiveFrames([chunk]).items
    expect(frames.map(({ payload }) => payload.buffer)).toEqual([chunk.buffer, chunk.buffer])
    chunk.fill('!', HEADER_BYTES, HEADER_BYTES + 3)
    expect(frames[0]?.payload.toString()).toBe('!!!')
  })

  test('a payload whole in one chunk is a view though its header was split', () => {
    for (let split = 1; split <= HEADER_BYTES; split += 1) {
      const wire = frameOf('payload')
      const second = Buffer.from(wire.subarray(split))
      const [frame] = receiveFrames([wire.subarray(0, split), second]).items
      expect(frame?.payload.buffer, `split at ${split}`).toBe(second.buffer)
      expect(frame?.payload.toString()).toBe('payload')
    }
  })

  test('a payload that spans chunks shares no memory with them', () => {
    const wire = frameOf('payload')
    const [frame] = receiveFrames([wire.subarray(0, 20), wire.subarray(20)]).items
    wire.fill(0)
    expect(frame?.payload.toString()).toBe('payload')
  })

  test('a frame of one mebibyte may come byte by byte', () => {
    const wire = frameOf(Buffer.alloc(1024 * 1024, 0x2a))
    const decoder = new FrameDecoder(1024 * 1024)
    let frames = 0
    for (let at = 0; at < wire.length; at += 1) {
      decoder.push(wire.subarray(at, at + 1))
      const frame = decoder.next()
      if (frame !== undefined) frames += frame.payload.equals(wire.subarray(HEADER_BYTES)) ? 1 : 100
    }
    expect(frames).toBe(1)
  })

  test('a claimed length allocates next to nothing', () => {
    const decoders = Array.from({ length: 2000 }, () => new FrameDecoder(1024 * 1024))
    const before = process.memoryUsage().arrayBuffers
    for (const decoder of decoders) {
      decoder.push(frameOf('x', 1024 * 1024))
      expect(decoder.next()).toBeUndefined()
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2000 * 16 * 1024)
    expect(decoders.every(({ isMidFrame }) => isMidFrame)).toBe(true)
  })
})

describe('the limit', () => {
  test('may be raised between two frames', () => {
    const decoder = new FrameDecoder(4)
    decoder.push(Buffer.concat([frameOf('four'), frameOf('fives')]))
    expect(decoder.next()?.payload.toString()).toBe('four')
    decoder.maxPayloadBytes = 5
    expect(decoder.next()?.payload.toString()).toBe('fives')
  })

  test('may be lowered, for headers that are still to come', () => {
    const decoder = new FrameDecoder(5)
    decoder.push(frameOf('fives').subarray(0, HEADER_BYTES + 1))
    expect(decoder.next()).toBeUndefined()
    decoder.maxPayloadBytes = 4
    decoder.push(Buffer.concat([Buffer.from('ives'), frameOf('fives')]))
    expect(decoder.next()?.payload.toString()).toBe('fives')
    expect(faultOf(() => decoder.next()).close).toBe('FrameTooLarge')
  })
})

describe('a decoder', () => {
  test('takes chunks while earlier ones are not consumed', () => {
    const wire = Buffer.concat(['a', 'bb', 'ccc', 'dddd'].map((text) => frameOf(text)))
    const decoder = new FrameDecoder(100)
    for (let at = 0; at < wire.length; at += 7) decoder.push(wire.subarray(at, at + 7))
    const payloads = Array.from({ length: 5 }, () => decoder.next()?.payload.toString())
    expect(payloads).toEqual(['a', 'bb', 'ccc', 'dddd', undefined])
  })

  test('takes an empty chunk for nothing', () => {
    const decoder = new FrameDecoder(100)
    decoder.push(Buffer.alloc(0))
    expect(decoder.next()).toBeUndefined()
    expect(decoder.isMidFrame).toBe(false)
  })

  test('stays failed with the same error', () => {
    const decoder = new FrameDecoder(100)
    decoder.push(Buffer.concat([hex('00'), frameOf('later')]))
    const { error } = faultOf(() => decoder.next())
    expect(faultOf(() => decoder.next()).error).toBe(error)
    expect(faultOf(() => decoder.push(frameOf('more'))).error).toBe(error)
    expect(faultOf(() => decoder.end()).error).toBe(error)
  })

  test('knows whether it is inside a frame', () => {
    const wire = frameOf('payload')
    const decoder = new FrameDecoder(100)
    const facts: boolean[] = [decoder.isMidFrame]
    for (const byte of wire) {
      decoder.push(Buffer.of(byte))
      decoder.next()
      facts.push(decoder.isMidFrame)
    }
    expect(facts).toEqual([false, ...Array.from({ length: wire.length - 1 }, () => true), false])
  })

  test('still yields the frames that came before the end', () => {
    const decoder = new FrameDecoder(100)
    decoder.push(Buffer.concat([frameOf('whole'), frameOf('half').subarray(0, 18)]))
    decoder.end()
    expect(decoder.next()?.payload.toString()).toBe('whole')
    expect(faultOf(() => decoder.next()).close).toBe('EofInFrame')
  })

  test('reads what encodePacket writes', () => {
    const wire = encodePacket({ kind: 'ping', correlation: 9 })
    expect(receiveFrames([wire]).items.map(({ type, payload }) => [type, payload.length])).toEqual([[1, 6]])
  })
})
