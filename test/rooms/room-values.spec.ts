import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { trustedEpoch } from '../../src/protocol/ids.js'
import {
  decodeBanValue,
  decodeMemberValue,
  decodeRoomValue,
  encodeBanValue,
  encodeMemberValue,
  encodeRoomValue,
  UnreadableValue,
} from '../../src/rooms/room-values.js'
import { userId } from '../delivery/names.js'

const alice = userId('alice')
const number = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const name = fc.constantFrom(alice, userId('кухня'), userId('x'.repeat(128)), userId('😀'))

describe('the three values', () => {
  test('are these bytes', () => {
    const hex = (value: Buffer) => value.toString('hex')
    expect(hex(encodeRoomValue({ incarnation: 1, createdAtMs: 2, owner: alice }))).toBe(
      '01000000000001000000000002616c696365',
    )
    const closing = { incarnation: 1, createdAtMs: 2, owner: alice, closing: trustedEpoch(3) }
    expect(hex(encodeRoomValue(closing))).toBe('02000000000001000000000002000000000003616c696365')
    expect(hex(encodeRoomValue({ ...closing, isSealed: true }))).toBe(
      '03000000000001000000000002000000000003616c696365',
    )
    expect(hex(encodeMemberValue({ incarnation: 1, joinedAtMs: 2, username: 'Bo' }))).toBe(
      '01000000000001000000000002426f',
    )
    expect(hex(encodeBanValue({ incarnation: 2 ** 48 - 1 }))).toBe('01ffffffffffff')
  })

  test('come back as they were', () => {
    fc.assert(
      fc.property(number, number, name, (incarnation, timeMs, name) => {
        const room = { incarnation, createdAtMs: timeMs, owner: name }
        expect(decodeRoomValue(encodeRoomValue(room))).toEqual(room)
        for (const isSealed of [false, true]) {
          const closing = { ...room, closing: trustedEpoch(timeMs), isSealed }
          expect(decodeRoomValue(encodeRoomValue(closing))).toEqual(closing)
        }
        const member = { incarnation, joinedAtMs: timeMs, username: name }
        expect(decodeMemberValue(encodeMemberValue(member))).toEqual(member)
        expect(decodeBanValue(encodeBanValue({ incarnation }))).toEqual({ incarnation })
      }),
    )
  })
})

describe('a value that cannot be read', () => {
  const room = encodeRoomValue({ incarnation: 1, createdAtMs: 2, owner: alice })
  const ban = encodeBanValue({ incarnation: 1 })
  const damaged: readonly [string, () => unknown, string][] = [
    ['no bytes', () => decodeBanValue(Buffer.alloc(0)), 'it has 0 bytes, not 7'],
    ['one byte too few', () => decodeBanValue(ban.subarray(0, 6)), 'it has 6 bytes, not 7'],
    ['one byte too many', () => decodeBanValue(Buffer.concat([ban, Buffer.of(0)])), '1 bytes too many'],
    ['cut before the name', () => decodeMemberValue(room.subarray(0, 12)), 'it has 12 bytes, not 13'],
    ['no name', () => decodeRoomValue(room.subarray(0, 13)), 'the name in it cannot be one'],
    ['half a character', () => decodeRoomValue(Buffer.concat([room, Buffer.of(0xd0)])), 'the name in it cannot be one'],
    ['a later version', () => decodeBanValue(Buffer.of(2)), 'it is of version 2; this server knows 1'],
  ]
  test.each(damaged)('says what is wrong: %s', (_what, read, reason) => {
    expect(read).toThrow(new UnreadableValue(reason))
  })
})
