import { expect, test } from 'vitest'
import { Message } from '../../src/chat/message.js'
import { MessagePipe } from '../../src/chat/message.pipe.js'
import { roomId } from '../delivery/names.js'
import { refusal } from '../rooms/room-stack.js'

const pipe = new MessagePipe()
const refusedFor = (payload: unknown): unknown => {
  try {
    return pipe.transform(payload)
  } catch (error) {
    return error
  }
}

test('passes on what a packet carried, untouched', () => {
  const message = new Message(roomId('lobby'), Buffer.from('hi'))
  expect(pipe.transform(message)).toBe(message)
})

test('makes text and bytes the same message', () => {
  const body = Uint8Array.from(Buffer.from('hé'))
  const expected = new Message(roomId('lobby'), Buffer.from('hé'))
  expect(pipe.transform({ room: 'lobby', text: 'hé' })).toEqual(expected)
  expect(pipe.transform({ room: 'lobby', body })).toEqual(expected)
})

test('carries the id, and the age of a repeat', () => {
  const messageId = Buffer.alloc(16, 7)
  const sent = { room: 'lobby', text: 'hé', messageId: new Uint8Array(messageId) }
  expect(pipe.transform(sent).id).toEqual({ messageId })
  expect(pipe.transform({ ...sent, ageMs: 0 }).id).toEqual({ messageId, ageMs: 0 })
  expect(pipe.transform({ ...sent, ageMs: 2 ** 32 - 1 }).id).toEqual({ messageId, ageMs: 2 ** 32 - 1 })
})

test.each([
  ['no content', { room: 'lobby' }],
  ['two contents', { room: 'lobby', text: 'a', body: Buffer.from('a') }],
  ['a body that is no bytes', { room: 'lobby', body: [1, 2] }],
  ['a message id of 15 bytes', { room: 'lobby', text: 'a', messageId: Buffer.alloc(15) }],
  ['a message id of 17 bytes', { room: 'lobby', text: 'a', messageId: Buffer.alloc(17) }],
  ['an age without a message id', { room: 'lobby', text: 'a', ageMs: 5 }],
  ['an age below 0', { room: 'lobby', text: 'a', messageId: Buffer.alloc(16), ageMs: -1 }],
  ['an age of 2^32', { room: 'lobby', text: 'a', messageId: Buffer.alloc(16), ageMs: 2 ** 32 }],
  ['a bad room name', { room: ' lobby', text: 'a' }],
  ['a field nobody knows', { room: 'lobby', text: 'a', colour: 'red' }],
  ['no payload', undefined],
])('refuses %s', (_, payload) => {
  expect(refusedFor(payload)).toEqual(refusal('BAD_PAYLOAD'))
})
