import { expect, test } from 'vitest'
import { ReceiptBook } from '../../bench/load/receipt-book.js'

test('what did not come is missing from the deliveries', () => {
  const book = new ReceiptBook(4, 2, 10)
  for (const room of [0, 0, 1]) book.publish(room)
  for (const [member, index] of [
    [0, 0],
    [2, 0],
    [0, 1],
    [1, 0],
  ] as const) {
    book.heard(member, index)
  }
  expect([book.expected, book.deliveries, book.duplicates]).toEqual([6, 4, 0])
})

test('what came twice counts once, and as a duplicate', () => {
  const book = new ReceiptBook(1, 1, 10)
  book.publish(0)
  for (let times = 0; times < 3; times += 1) book.heard(0, 0)
  expect([book.expected, book.deliveries, book.duplicates, book.deliveryMs.length]).toEqual([1, 1, 2, 1])
})

test('what came after a later message is out of order, once', () => {
  const book = new ReceiptBook(2, 1, 10)
  for (let index = 0; index < 4; index += 1) book.publish(0)
  for (const index of [0, 2, 1, 1, 3]) book.heard(0, index)
  for (const index of [0, 1, 2, 3]) book.heard(1, index)
  expect([book.deliveries, book.duplicates, book.disordered]).toEqual([8, 1, 1])
})

test('a room has no more messages than it may', () => {
  const book = new ReceiptBook(1, 1, 2)
  expect([book.publish(0), book.publish(0), book.publish(0)]).toEqual([0, 1, undefined])
})
