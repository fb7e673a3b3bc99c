import { test } from 'vitest'
import { besideBystanders, expectEnd } from './bystanders.js'
import { frame } from './wire-bytes.js'

const payload = (operation: number): Buffer => Buffer.of(operation, 0, 0, 0, 0, 1)

for (const [type, operation] of [
  [1, 0x00],
  [1, 0x0e],
  [1, 0x3f],
  [2, 0x47],
  [2, 0x56],
  [2, 0xff],
] as const) {
  test(`operation ${operation} is UnknownOperation, before and after login`, () =>
    besideBystanders(async ({ greeted, mallory }) => {
      for (const client of [await greeted(), await mallory()]) {
        client.sendBytes(frame(type, payload(operation)))
        await expectEnd(client, 'UnknownOperation')
      }
    }))
}
