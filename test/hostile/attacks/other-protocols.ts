/** TLS, HTTP, SSH and noise at a port that speaks none of them. */
import { randomBytes } from 'node:crypto'
import type { Attack } from '../attack.js'

/** The beginning of a ClientHello, as OpenSSL sends it. */
const CLIENT_HELLO = Buffer.from('1603010200010001fc0303', 'hex')
const openings: readonly (() => Buffer)[] = [
  () => Buffer.concat([CLIENT_HELLO, randomBytes(500)]),
  () => Buffer.from('GET / HTTP/1.1\r\nHost: chat\r\n\r\n'),
  () => Buffer.from('SSH-2.0-OpenSSH_9.6\r\n\r\n\r\n'),
  () => Buffer.from('*1\r\n$4\r\nPING\r\n\r\n'),
  () => Buffer.concat([Buffer.of(0), randomBytes(2_000)]),
]

export const otherProtocols: Attack = {
  name: 'TLS, HTTP, SSH and noise',
  metrics: [{ name: 'nestwire_closes_total', labels: { code: 'BadMagic' }, least: 500 }],
  async run(scene) {
    const crowd = await scene.crowd(scene.size(500, 5_000), (index) => index)
    for (const [index, intruder] of crowd.entries())
      intruder.sendBytes(openings[index % openings.length]?.() ?? CLIENT_HELLO)
    await scene.expectClosed(crowd, 'BadMagic', 10_000)
  },
}
