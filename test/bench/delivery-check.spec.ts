/** What the smoke run rests on: that a member notices every way in which deliveries can be wrong. */
import { expect, test } from 'vitest'
import { DeliveryCheck } from '../../bench/load/delivery-check.js'
import { continueChain, numberedMessage } from '../../bench/load/numbered-message.js'
import { parseUserId, trustedSeq } from '../../src/protocol/ids.js'
import { RecordKind, type RoomRecord } from '../../src/protocol/packets.js'

const sender = parseUserId('publisher') ?? expect.fail('no user name')

/** `seq` is `index` + 11, as if ten others had come before. */
const message = (index: number): RoomRecord => ({
  kind: RecordKind.Text,
  seq: trustedSeq(index + 11),
  prev: trustedSeq(index + 10),
  timeMs: 0,
  sender,
  body: Buffer.from(numberedMessage(index)),
})

const sent = [0, 1, 2, 3].map(message)
const [first, second, third, fourth] = sent as [RoomRecord, RoomRecord, RoomRecord, RoomRecord]
const chain = sent.reduce((chain, { seq, body }) => continueChain(chain, seq, body), 0)

function judge(...received: RoomRecord[]) {
  const check = new DeliveryCheck(sent.length)
  check.startAfter(10)
  for (const record of received) check.accept(record)
  const { duplicates, disordered } = check
  return { lost: check.lost(sent.length), duplicates, disordered, isCorrupted: check.chain !== chain }
}

test('finds nothing wrong with every message once in order', () => {
  expect(judge(...sent)).toEqual({ lost: 0, duplicates: 0, disordered: 0, isCorrupted: false })
})

test('counts a message that never came', () => {
  expect(judge(first, second, fourth)).toEqual({ lost: 1, duplicates: 0, disordered: 1, isCorrupted: true })
})

test('counts a last message that never came', () => {
  expect(judge(first, second, third)).toEqual({ lost: 1, duplicates: 0, disordered: 0, isCorrupted: true })
})

test('counts a message that came twice', () => {
  expect(judge(first, second, second, third, fourth)).toMatchObject({ lost: 0, duplicates: 1, isCorrupted: true })
})

test('notices two messages that changed places', () => {
  expect(judge(first, third, second, fourth)).toMatchObject({ lost: 0, disordered: 3, isCorrupted: true })
})

test('notices a message with another content', () => {
  const forged = { ...second, body: Buffer.from(numberedMessage(1)) }
  expect(judge(first, forged, third, fourth)).toEqual({ lost: 0, duplicates: 0, disordered: 0, isCorrupted: true })
})
