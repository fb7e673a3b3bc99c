import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stableHash } from '../../src/cluster/stable-hash.js'
import { naiveHash } from '../support/naive-hash-ring.js'

/**
 * MurmurHash3_x86_32 with seed 0, from the tests of other implementations: Ian Boyd's table (stackoverflow.com/a/31929528,
 * which mmh3 for Python tests with, too), absmartly/javascript-sdk and Wikipedia.
 */
const PUBLISHED: readonly (readonly [string, number])[] = [
  ['', 0],
  ['\0', 0x514e28b7],
  ['\0\0', 0x30f4c306],
  ['\0\0\0', 0x85f0b427],
  ['\0\0\0\0', 0x2362f9de],
  ['!', 0x72661cf4],
  ['!C', 0xa0f7b07a],
  ['!Ce', 0x7e4a8634],
  ['test', 0xba6bd213],
  ['testy', 0x44af8342],
  ['testy1', 0x8a1a243a],
  ['testy12', 0x845461b9],
  ['testy123', 0x47628ac4],
  ['Hello, world!', 0xc0363e43],
  ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
  ['abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq', 0xee925b90],
  ['special characters açb↓c', 0xbe83b140],
  ['Быстрая коричневая лиса перепрыгивает через ленивую собаку', 0xa94f1f75],
]

describe.each([
  ['the hash', stableHash],
  ['its naive twin', naiveHash],
])('%s', (_, hash) => {
  test.each(PUBLISHED)('gives the published value of %j', (text, value) => {
    expect(hash(text)).toBe(value)
  })
})

const halves = fc.integer({ min: 0xd800, max: 0xdfff })
const ascii = fc.integer({ min: 0, max: 0x7f })
const unit = fc.oneof({ weight: 4, arbitrary: ascii }, fc.integer({ min: 0x80, max: 0xffff }), halves)
const textOf = (units: fc.Arbitrary<number>): fc.Arbitrary<string> =>
  fc.array(units, { maxLength: 40 }).map((codes) => String.fromCharCode(...codes))

test.each([
  ['ASCII', textOf(ascii)],
  ['UTF-16 with halves of pairs', textOf(unit)],
  ['all of Unicode', fc.string({ unit: 'binary' })],
])('hashes %s as its twin does', (_, texts) => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(stableHash(text)).toBe(naiveHash(text))
    }),
    { numRuns: 1_000 },
  )
})

test.each([0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xffff])('hashes code unit %i at every place', (code) => {
  for (let at = 0; at < 8; at += 1) {
    const text = `${'a'.repeat(at)}${String.fromCharCode(code)}${'b'.repeat(7 - at)}`
    for (let length = at + 1; length <= 8; length += 1) {
      expect(stableHash(text.slice(0, length))).toBe(naiveHash(text.slice(0, length)))
    }
  }
})

test('takes half a pair for the replacement character', () => {
  for (const half of ['\ud83d', '\ude00', 'room \ud83d', '\ude00 room']) {
    const replaced = half.replace('\ud83d', '\ufffd').replace('\ude00', '\ufffd')
    expect(stableHash(half)).toBe(stableHash(replaced))
  }
  expect(stableHash('😀')).not.toBe(stableHash('\ufffd\ufffd'))
})

test('a bit of the text changes every bit in half of all cases', () => {
  const texts = Array.from({ length: 2_000 }, (_, at) => `user-${at}`)
  for (let bit = 0; bit < 32; bit += 1) {
    const changed = texts.filter((text) => {
      const last = String.fromCharCode(text.charCodeAt(text.length - 1) ^ 1)
      return ((stableHash(text) ^ stableHash(text.slice(0, -1) + last)) >>> bit) & 1
    })
    // Five standard deviations of 1,000 pairs.
    expect(Math.abs(changed.length / texts.length - 0.5)).toBeLessThan(0.08)
  }
})
