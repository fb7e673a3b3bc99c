/** Requests and events for patterns that nobody handles, each another one. */
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import { request } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const PER_WRITE = 200
const EVENT = { kind: 'event', priority: 0, metadata: undefined, body: Buffer.of(0xc0) } as const

export const unknownPatterns: Attack = {
  name: 'request flood with unknown patterns',
  metrics: [{ name: 'nestwire_request_errors_total', labels: { code: 'NO_HANDLER' }, least: 1 }],
  async run(scene) {
    const { tally } = scene
    const prober = await scene.login('prober')
    let made = 0
    const requests = (): Buffer =>
      Buffer.concat(
        Array.from({ length: PER_WRITE }, () => {
          made += 1
          const pattern = `nobody.${made}.${'x'.repeat(made % 100)}`
          return made % 2 === 0
            ? encodePacket(request(pattern, {}, prober.nextCorrelation()))
            : encodePacket({ ...EVENT, pattern })
        }),
      )
    await prober.flood(requests, scene.size(1_000, 10_000))
    const asked = Math.floor(made / 2)
    await scene.until(() => tally.refusedWith('NO_HANDLER') === asked, 10_000)
    scene.note(`${made} patterns`)
    scene.expect(asked > 0 && tally.refusedWith('NO_HANDLER') === asked, `${asked} asked: ${tally.describe()}`)
  },
}
