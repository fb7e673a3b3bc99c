/** Runs `test/fixtures/vectors.json` (format: section 14 of `docs/PROTOCOL.md`) through the codec and its naive twin. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { BodyError, decodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'
import { deliveries, receivePackets, type Received } from '../support/deliveries.js'
import { naiveDecodeFrames, naiveDecodePacket, naiveEncodePacket, NaiveFault } from '../support/naive-codec.js'

interface Vector {
  readonly name: string
  readonly hex?: string
  readonly packet?: unknown
  readonly packets?: readonly unknown[]
  readonly close?: string
  readonly maxFrameBytes?: number
  readonly eof?: boolean
  readonly decodeOnly?: boolean
  readonly body?: string
  readonly value?: unknown
  readonly badBody?: boolean
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../fixtures/vectors.json', import.meta.url), 'utf8'),
)
const byteFields: ReadonlySet<string> = new Set(['body', 'ticket', 'messageId'])

const bytesOf = (hex: string | undefined): Buffer => Buffer.from((hex ?? '').replaceAll(' ', ''), 'hex')

/** A packet as the file writes it: bytes as hex, absent parts absent. */
function meaningOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(meaningOf)
  if (typeof value !== 'object' || value === null) return value
  const told = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(told.map(([name, field]) => [name, meaningOf(field)]))
}

/** The packet that the file means; `metadata` has no byte fields. */
function packetOf(meaning: unknown): Packet {
  return JSON.parse(JSON.stringify(meaning), function (this: Record<string, unknown>, name, field: unknown) {
    const isBytes = byteFields.has(name) && typeof field === 'string' && ('kind' in this || 'positions' in this)
    return isBytes ? bytesOf(field) : field
  })
}

const expectedOf = (vector: Vector): unknown => vector.close ?? vector.packets ?? [vector.packet]

function naiveReceive(wire: Buffer, vector: Vector): Received<unknown> {
  const items: unknown[] = []
  try {
    const frames = naiveDecodeFrames(wire, { maxFrameBytes: vector.maxFrameBytes ?? 65_536, eof: vector.eof ?? false })
    for (const frame of frames) {
      if (frame instanceof NaiveFault) throw frame
      items.push(naiveDecodePacket(frame))
    }
    return { items, fault: undefined }
  } catch (error) {
    if (!(error instanceof NaiveFault)) throw error
    return { items, fault: error.close }
  }
}

describe('the vectors', () => {
  const streams = vectors.filter((vector) => vector.hex !== undefined)
  const bodies = vectors.filter((vector) => vector.hex === undefined)

  test('are at least sixty with names of their own', () => {
    expect(streams.length + bodies.length).toBeGreaterThanOrEqual(60)
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length)
  })

  describe.each(Object.entries(deliveries))('%s', (_how, cut) => {
    test.each(streams)('$name', (vector) => {
      const received = receivePackets(cut(bytesOf(vector.hex)), vector)
      expect(received.fault ?? received.items.map(meaningOf)).toEqual(expectedOf(vector))
    })
  })

  describe('read by the naive twin', () => {
    test.each(streams)('$name', (vector) => {
      const received = naiveReceive(bytesOf(vector.hex), vector)
      expect(received.fault ?? received.items.map(meaningOf)).toEqual(expectedOf(vector))
    })
  })

  describe('written', () => {
    test.each(streams.filter(({ packet, decodeOnly }) => packet !== undefined && decodeOnly !== true))(
      '$name',
      (vector) => {
        const packet = packetOf(vector.packet)
        expect(encodePacket(packet).toString('hex')).toBe(bytesOf(vector.hex).toString('hex'))
        expect(Buffer.from(naiveEncodePacket(packet)).toString('hex')).toBe(bytesOf(vector.hex).toString('hex'))
      },
    )
  })

  describe('of good bodies', () => {
    test.each(bodies.filter(({ badBody }) => badBody !== true))('$name', (vector) => {
      expect(decodeBody(bytesOf(vector.body))).toEqual(vector.value)
    })
  })

  describe('of bad bodies', () => {
    test.each(bodies.filter(({ badBody }) => badBody === true))('$name', (vector) => {
      expect(() => decodeBody(bytesOf(vector.body))).toThrow(BodyError)
    })
  })
})
