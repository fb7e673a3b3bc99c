/** Connections of TLS 1.2 that want to shake hands again and again, which costs the server a signature each time. */
import type { TLSSocket } from 'node:tls'
import type { Attack } from '../attack.js'

const AT_ONCE = 20

export const tlsRenegotiation: Attack = {
  name: 'TLS: renegotiation',
  isOverTls: true,
  metrics: [{ name: 'nestwire_tls_handshakes_total', labels: { outcome: 'full' }, least: 100 }],
  async run(scene) {
    const count = scene.size(100, 2_000)
    let refused = 0
    for (let done = 0; done < count; done += AT_ONCE) {
      const crowd = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, index) => scene.tlsIntruder(done + index, { maxVersion: 'TLSv1.2' })),
      )
      for (const intruder of crowd) {
        const socket = intruder.socket as TLSSocket
        socket.once('error', (error) => {
          if ('code' in error && error.code === 'ERR_SSL_NO_RENEGOTIATION') refused += 1
          intruder.reset()
        })
        socket.renegotiate({}, () => undefined)
      }
      const areGone = await scene.until(() => crowd.every(({ isOver }) => isOver), 10_000)
      scene.expect(areGone, `${crowd.filter(({ isOver }) => !isOver).length} are still there`)
    }
    scene.expect(refused === count, `${refused} of ${count} were told that there is no renegotiation`)
  },
}
