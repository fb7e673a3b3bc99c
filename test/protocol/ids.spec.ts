import { describe, expect, test } from 'vitest'
import { parseRoomId, parseSeq, parseUserId } from '../../src/protocol/ids.js'

describe.each([
  ['a room', parseRoomId],
  ['a user', parseUserId],
])('%s', (_what, parse) => {
  test.each([
    'a',
    '0',
    'team/blue',
    'user@example.org',
    'Zoë Ångström',
    '你好',
    '🙂',
    'a b c',
    '!',
    '한국어',
    '❤',
    'x'.repeat(128),
  ])('may be called %j', (name) => {
    expect(parse(name)).toBe(name)
  })

  test.each([
    ['empty', ''],
    ['129 bytes of ASCII', 'x'.repeat(129)],
    ['129 bytes of UTF-8', `${'é'.repeat(64)}x`],
    ['a space in front', ' a'],
    ['a space behind', 'a '],
    ['two spaces', 'a  b'],
    ['a tab', 'a\tb'],
    ['a line feed at the end', 'a\n'],
    ['a NUL', 'a\0'],
    ['a no-break space', 'a\u00a0b'],
    ['a zero-width space', 'a\u200bb'],
    ['a bidi override', 'a\u202eb'],
    ['only a Hangul filler', '\u3164'],
    ['only a half-width Hangul filler', '\uffa0'],
    ['only a Hangul initial filler', '\u115f'],
    ['only blank Braille', '\u2800'],
    ['only a blank hieroglyph', '\u{13441}'],
    ['only a null notehead', '\u{1d159}'],
    ['a variation selector', 'a\ufe0f'],
    ['a variation selector behind an emoji', '❤\ufe0f'],
    ['an ideographic variation selector', 'a\u{e0100}b'],
    ['a grapheme joiner', 'a\u034f'],
    ['a Khmer inherent vowel', 'a\u17b4'],
    ['a Khitan filler', 'a\u{16fe4}'],
    ['decomposed letters', 'e\u0301'],
    ['a lone surrogate', 'a\ud800'],
    ['private use', '\ue000'],
  ])('may not be called by a name with %s', (_why, name) => {
    expect(parse(name)).toBeUndefined()
  })

  test('may have a name of exactly 128 bytes of UTF-8', () => {
    expect(parse('é'.repeat(64))).toBe('é'.repeat(64))
  })
})

test('a seq is a whole number from 0 to 2^53 - 1', () => {
  expect([0, 1, Number.MAX_SAFE_INTEGER].map(parseSeq)).toEqual([0, 1, Number.MAX_SAFE_INTEGER])
  expect([-1, 0.5, 2 ** 53, Number.NaN, Infinity].map(parseSeq)).toEqual(Array.from({ length: 5 }, () => undefined))
})
