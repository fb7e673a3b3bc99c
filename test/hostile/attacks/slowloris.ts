/** Thousands who begin to greet and never end: the first byte of HELLO, then another now and then. */
import { setTimeout as sleep } from 'node:timers/promises'
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import type { Attack } from '../attack.js'

const HELLO = encodePacket({ kind: 'hello', minVersion: 1, maxVersion: 1, features: 0, agent: 'slow' })
const BYTE_EVERY_MS = 500
/** Of the handshake timeout at its default, 10 s, and of closing them all. */
const PATIENCE_MS = 25_000
/** Of one address; under what one may open. */
const PER_ADDRESS = 50

export const slowloris: Attack = {
  name: 'slowloris: half handshakes, a byte at a time',
  isDeadlineAwaited: true,
  metrics: [{ name: 'nestwire_closes_total', labels: { code: 'HandshakeTimeout' }, least: 2000 }],
  async run(scene) {
    const crowd = await scene.crowd(scene.size(2_000, 10_000), (index) => Math.floor(index / PER_ADDRESS))
    const over = scene.expectClosed(crowd, 'HandshakeTimeout', PATIENCE_MS)
    for (let at = 0; crowd.some(({ isOver }) => !isOver) && at < HELLO.length - 1; at += 1) {
      for (const intruder of crowd) if (!intruder.isOver) intruder.sendBytes(HELLO.subarray(at, at + 1))
      await Promise.race([over, sleep(BYTE_EVERY_MS)])
    }
    await over
  },
}
