import { expect, test } from 'vitest'
import { cut, escapeControls, fieldsText, indented, MAX_TEXT_CHARACTERS } from '../../src/output/plain-text.js'

test('a line break, an escape sequence and a bidi control are shown, not obeyed', () => {
  expect(escapeControls('a\nb\r\u001b[2Jc\u009bd\u202ee\u2028f\u061c')).toBe(
    'a\\nb\\u000d\\u001b[2Jc\\u009bd\\u202ee\\u2028f\\u061c',
  )
})

test('text is cut behind its limit', () => {
  const full = 'x'.repeat(MAX_TEXT_CHARACTERS)
  expect(cut(full)).toBe(full)
  expect(cut(`${full}y`)).toBe(`${full}… (1 more)`)
})

test('lines of an error stand away from the margin', () => {
  expect(indented('Error: no\n[Nestwire] forged\u0007')).toBe('Error: no\n    [Nestwire] forged\\u0007')
})

test('fields are key=value, in quotes where a reader could be wrong', () => {
  const fields = { connection: 'c1', user: 'al ice', code: undefined, count: 2, room: 'a=b', note: 'x\ny', empty: '' }
  expect(fieldsText(fields)).toBe('connection=c1 user="al ice" count=2 room="a=b" note="x\\ny" empty=""')
})
