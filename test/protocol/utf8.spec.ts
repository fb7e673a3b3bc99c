import { describe, expect, test } from 'vitest'
import { utf8Between } from '../../src/protocol/utf8.js'

const read = (bytes: Buffer): string | undefined => utf8Between(bytes, 0, bytes.length)

describe('text on the wire', () => {
  test('of the same hash stays apart', () => {
    for (const text of ['Aa', 'BB', 'Aa', 'AaAa', 'BBBB', 'AaBB']) expect(read(Buffer.from(text))).toBe(text)
  })

  test.each([0, 1, 23, 24, 25, 26])('of %d letters is read twice alike', (letters) => {
    const text = 'x'.repeat(letters)
    expect([read(Buffer.from(text)), read(Buffer.from(text))]).toEqual([text, text])
  })

  test('is what lies between start and end', () => {
    expect(utf8Between(Buffer.from('before-text-after'), 7, 11)).toBe('text')
  })

  test.each(['\u007f\u0080', 'é'.repeat(30), '\ufffd', `${'x'.repeat(30)}\ufffd`, '\ufeffmark', '😀'])(
    'may hold %j',
    (text) => {
      expect(read(Buffer.from(text))).toBe(text)
    },
  )

  test.each(['80', 'c0 80', 'ed a0 80', 'f5 80 80 80', 'e2 82', `${'78 '.repeat(30)}ff`, 'ef bf bd ff'])(
    'is not %s',
    (hex) => {
      expect(read(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBeUndefined()
    },
  )
})
