import { describe, expect, test } from 'vitest'
import type { RoomItem } from '../../src/client/index.js'
import { toJsonLine } from '../../src/cli/json-text.js'
import { paintFor } from '../../src/cli/paint.js'
import { humanLine, jsonLine, removalNote } from '../../src/cli/room-lines.js'
import { startCli } from './cli-harness.js'

const about = { seq: 5, prev: 4, timeMs: new Date(2026, 0, 2, 9, 8).getTime(), sender: 'alice' }
const says = (text: string): RoomItem => ({ kind: 'text', ...about, text, body: Buffer.from(text) })
const plain = { paint: (_: string, text: string) => text, self: 'bob' }

describe('lines for people', () => {
  test('say when, who and what', () => {
    expect(humanLine(says('hello'), plain)).toBe('09:08 alice: hello')
    expect(humanLine(says('hello'), { ...plain, self: 'alice' })).toBe('09:08 alice (you): hello')
    expect(humanLine({ kind: 'join', ...about, username: 'Alice A.' }, plain)).toBe('09:08 → Alice A. (alice) joined')
    expect(humanLine({ kind: 'leave', ...about, reason: 'kicked' }, plain)).toBe('09:08 ← alice was removed')
    expect(humanLine({ kind: 'gap', room: 'lobby', from: 1, to: 4, reason: 'trimmed' }, plain)).toMatch(
      /no longer kept/,
    )
  })

  test('keep a message on one line', () => {
    expect(humanLine(says('a\r\nb\tc'), plain)).toBe('09:08 alice: a b c')
  })

  test('say why somebody is in a room no more, if it was not their wish', () => {
    const notes = (['kicked', 'banned', 'notAMember', 'left', 'stopped', 'closed'] as const).map(removalNote)
    const words = ['you were kicked', 'you were banned', 'you are no longer in the room']
    expect(notes).toEqual([...words, undefined, undefined, undefined])
  })

  test('let no message move the cursor or turn the text', () => {
    expect(humanLine(says('\u001B[2J\u009B1mx\u202Ey\u0007\u2028z'), plain)).toBe('09:08 alice: �[2J�1mx�y��z')
  })
})

describe('lines for programs', () => {
  test('name room, kind and fields of the record', () => {
    const line = { room: 'lobby', kind: 'text', ...about, text: 'a\nb' }
    expect(JSON.parse(jsonLine('lobby', says('a\nb')))).toEqual(line)
    expect(jsonLine('lobby', says('a\nb'))).not.toContain('\n')
  })

  test('let no message move the cursor, turn the text or break the line, and are the same to a program', () => {
    const text = '\u001B[2J\u009B1m\u007F\u0085x\u202Ey\u2028z'
    const line = jsonLine('lobby', says(text))
    expect(line).toContain(String.raw`\u001b[2J\u009b1m\u007f\u0085x\u202ey\u2028z`)
    expect(JSON.parse(line)).toMatchObject({ text })
  })

  test('name the range and reason of a gap', () => {
    const gap = { kind: 'gap', room: 'lobby', from: 1, to: 4, reason: 'trimmed' } as const
    expect(JSON.parse(jsonLine('lobby', gap))).toEqual(gap)
  })

  test('write bytes as base64 and nothing as null', () => {
    expect(toJsonLine({ id: Buffer.from('hi'), big: 2n ** 60n })).toBe('{"id":"aGk=","big":"1152921504606846976"}')
    expect(toJsonLine(undefined)).toBe('null')
  })
})

describe('colours', () => {
  const paintWith = (isTerminal: boolean, env: Record<string, string>) => {
    const { stdin, stdout, stderr } = startCli(['--version'])
    const io = { stdin, stdout: Object.assign(stdout, { isTTY: isTerminal }), stderr, env }
    return paintFor({ ...io, interrupted: new AbortController().signal })('bold', 'x')
  }

  test('appear at a terminal only, and not with NO_COLOR', () => {
    expect(paintWith(true, {})).toBe('\u001B[1mx\u001B[22m')
    expect(paintWith(false, {})).toBe('x')
    expect(paintWith(true, { NO_COLOR: '1' })).toBe('x')
  })
})
