/** At a port that speaks TLS: plain text of our own protocol and of others, and what begins like TLS and is none. */
import { randomBytes } from 'node:crypto'
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import type { Attack } from '../attack.js'

const HELLO = encodePacket({ kind: 'hello', minVersion: 1, maxVersion: 1, features: 0, agent: 'plain' })
const plain: readonly (() => Buffer)[] = [
  () => HELLO,
  () => Buffer.from('GET / HTTP/1.1\r\nHost: chat\r\n\r\n'),
  () => Buffer.concat([Buffer.of(0), randomBytes(2_000)]),
]
/** A record too short for a handshake, one too long for TLS, an alert in place of a ClientHello, and noise. */
const almostTls: readonly (() => Buffer)[] = [
  () => Buffer.from('16030100050102030405', 'hex'),
  () => Buffer.concat([Buffer.from('160301ffff', 'hex'), Buffer.alloc(100)]),
  () => Buffer.from('16030100020228', 'hex'),
  () => Buffer.concat([Buffer.from('1603010200', 'hex'), randomBytes(512)]),
]

export const tlsGarbage: Attack = {
  name: 'TLS: plain text and garbage',
  isOverTls: true,
  metrics: [
    { name: 'nestwire_tls_handshakes_total', labels: { outcome: 'plain_text' }, least: 250 },
    { name: 'nestwire_tls_handshakes_total', labels: { outcome: 'failed' }, least: 100 },
  ],
  async run(scene) {
    const count = scene.size(500, 5_000)
    const crowd = await scene.crowd(count, (index) => index)
    for (const [index, intruder] of crowd.entries()) {
      const isPlain = index % 2 === 0
      const openings = isPlain ? plain : almostTls
      if (!isPlain) intruder.makeDeaf()
      intruder.sendBytes(openings[Math.floor(index / 2) % openings.length]?.() ?? HELLO)
    }
    // One record is only begun: the deadline of the handshake, at its default 10 s, ends who sent it.
    const areGone = await scene.until(() => crowd.every(({ isOver }) => isOver), 40_000)
    scene.expect(areGone, `some garbage is still listened to: ${scene.tally.describe()}`)
    // Of those at the same time 256 are told, and the rest are cut.
    const told = scene.tally.closedWith('BadMagic')
    scene.expect(told >= 200, `${told} were told that they speak no TLS: ${scene.tally.describe()}`)
  },
}
