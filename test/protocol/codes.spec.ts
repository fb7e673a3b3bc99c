import { expect, test } from 'vitest'
import { CloseCode, closeCodeName, retryClassOf } from '../../src/protocol/close-codes.js'
import { ErrorCode, errorCodeName, outcomeOf } from '../../src/protocol/error-codes.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'

test.each([
  ['close codes', CloseCode],
  ['error codes', ErrorCode],
])('%s are u16 and unique', (_what, codes) => {
  const values: readonly number[] = Object.values(codes)
  expect(new Set(values).size).toBe(values.length)
  expect(values.every((value) => value >= 1 && value <= 0xffff)).toBe(true)
})

test.each([
  [0, 'now'],
  [1999, 'now'],
  [2000, 'later'],
  [2999, 'later'],
  [3000, 'elsewhere'],
  [3999, 'elsewhere'],
  [4000, 'never'],
  [65_535, 'never'],
])('close code %i says reconnect %s', (code, retry) => {
  expect(retryClassOf(code)).toBe(retry)
})

test('codes have names, unknown ones too', () => {
  expect(closeCodeName(CloseCode.EofInFrame)).toBe('EofInFrame')
  expect(closeCodeName(4999)).toBe('4999')
  expect(errorCodeName(ErrorCode.RoomNotFound)).toBe('ROOM_NOT_FOUND')
  expect(errorCodeName(ErrorCode.NotAMember)).toBe('NOT_A_MEMBER')
  expect(errorCodeName(999)).toBe('CODE999')
})

test('an error of unknown code is of unknown outcome', () => {
  expect(outcomeOf(ErrorCode.BadPayload)).toBe('notLogged')
  expect(outcomeOf(ErrorCode.Application)).toBe('unknown')
  expect(outcomeOf(999)).toBe('unknown')
})

test('a protocol error names its close code', () => {
  const error = new ProtocolError(CloseCode.BadMagic, 'no frame')
  expect(error).toMatchObject({ name: 'ProtocolError', message: 'BadMagic: no frame', closeCode: 4000 })
})
