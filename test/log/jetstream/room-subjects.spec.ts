import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RoomSubjects } from '../../../src/log/jetstream/room-subjects.js'
import { parseRoomId } from '../../../src/protocol/ids.js'
import { roomId } from '../../delivery/names.js'

const subjects = new RoomSubjects('nestwire')
const TOKEN = /^[A-Za-z0-9_-]+$/

const anyName = fc
  .oneof(
    fc.string({ unit: fc.constantFrom('*', '>', '.', ' ', 'a', '$', '/', '-'), minLength: 1, maxLength: 20 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  )
  .map(parseRoomId)
  .filter((room) => room !== undefined)
const anyIncarnation = fc.integer({ min: 0, max: 2 ** 48 - 1 })

describe('subjects of rooms', () => {
  test('name the room in base64url and the incarnation in base 36', () => {
    expect(subjects.log(roomId('lobby'), 0)).toBe('nestwire.log.bG9iYnk.0')
    expect(subjects.live(roomId('a.b'), 2 ** 48 - 1)).toBe('nestwire.live.YS5i.2rrvthnxtr')
    expect(subjects.allLogs).toBe('nestwire.log.*.*')
    expect(subjects.republish).toEqual({ src: 'nestwire.log.>', dest: 'nestwire.live.>' })
  })

  test('of signals name the room alone, those of presence none', () => {
    expect(subjects.signal(roomId('a.b'))).toBe('nestwire.signal.YS5i')
    expect(subjects.presence).toBe('nestwire.presence')
  })

  test('have four plain tokens, whatever the name of the room', () => {
    fc.assert(
      fc.property(anyName, anyIncarnation, (room, incarnation) => {
        const tokens = subjects.log(room, incarnation).split('.')
        expect(tokens).toHaveLength(4)
        expect(tokens.filter((token) => !TOKEN.test(token))).toEqual([])
      }),
    )
  })

  test('lead back to room and incarnation', () => {
    fc.assert(
      fc.property(anyName, anyIncarnation, (room, incarnation) => {
        expect(subjects.ofLog(subjects.log(room, incarnation))).toEqual({ room, incarnation })
      }),
    )
  })

  test.each([
    'nestwire.live.bG9iYnk.0',
    'other.log.bG9iYnk.0',
    'nestwire.log.bG9iYnk',
    'nestwire.log.bG9iYnk.0.0',
    'nestwire.log.bG9iYnk.-1',
    'nestwire.log.bG9iYnk.00',
    'nestwire.log.bG9iYnk.2rrvthnxts',
    'nestwire.log..0',
    'nestwire.log.*.0',
    'nestwire.log.AA.0',
  ])('%s is the log of no room', (subject) => {
    expect(subjects.ofLog(subject)).toBeUndefined()
  })
})
