import { assert, property, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeNodeEntry, readNodeEntry } from '../../src/cluster/node-entry.js'
import { nodeEntry } from './node-entries.js'

const entry = nodeEntry('chat-1', { address: '[2001:db8::1]:7420', beats: 7, connections: 19_000, isDraining: true })

test('an entry is read as it was written', () => {
  expect(readNodeEntry(encodeNodeEntry(entry))).toEqual({ kind: 'entry', entry })
})

test('its bytes are those of version 1', () => {
  expect(encodeNodeEntry(nodeEntry('b', { address: 'h:1', epochMs: 5 })).toString('hex')).toBe(
    '01000000000000000005000000000000000001620003683a31',
  )
})

describe('what is no entry', () => {
  test('of a later version is told from what nobody can read', () => {
    expect(readNodeEntry(Buffer.of(2, 1, 2, 3))).toEqual({ kind: 'newer' })
    expect(readNodeEntry(Buffer.of(0, 1, 2, 3))).toEqual({ kind: 'unreadable' })
    expect(readNodeEntry(Buffer.alloc(0))).toEqual({ kind: 'unreadable' })
  })

  test('is one that was cut short or has bytes too many', () => {
    const bytes = encodeNodeEntry(entry)
    for (let end = 0; end < bytes.length; end += 1) {
      expect(readNodeEntry(bytes.subarray(0, end)).kind).toBe('unreadable')
    }
    expect(readNodeEntry(Buffer.concat([bytes, Buffer.of(0)])).kind).toBe('unreadable')
  })

  test('never throws', () => {
    assert(property(uint8Array({ maxLength: 80 }), (bytes) => void readNodeEntry(Buffer.from(bytes))))
  })
})
