/** ClientHello and then silence, from many addresses, more than there are places for; and others who want in meanwhile. */
import { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import type { Attack } from '../attack.js'
import type { Scene } from '../scene.js'

const SHORT_COUNT = 1_000
const PER_ADDRESS = 50
const WAVE = 250
/** Who wants in comes from where nobody else does. */
const FIRST_NEWCOMER_HOST = 10_000
/** Of the handshake timeout at its default, 10 s, and of cutting them all. */
const PATIENCE_MS = 25_000

export const tlsHalfHandshakes: Attack = {
  name: 'TLS: half handshakes, and silence',
  isOverTls: true,
  isDeadlineAwaited: true,
  metrics: [
    // None of them gets through. Which of the two ends one depends on how many newcomers want its place meanwhile.
    { name: 'nestwire_tls_handshakes_total', labels: { outcome: ['timed_out', 'gave_way'] }, least: SHORT_COUNT },
    { name: 'nestwire_tls_handshakes_total', labels: { outcome: 'timed_out' }, least: 1 },
    { name: 'nestwire_tls_handshakes_total', labels: { outcome: 'gave_way' }, least: 1 },
    { name: 'nestwire_tls_handshakes_total', labels: { outcome: 'full' }, least: 1 },
  ],
  async run(scene) {
    const hello = await clientHello()
    const count = scene.size(SHORT_COUNT, 8_000)
    let cut = 0
    for (let opened = 0; opened < count; opened += WAVE) {
      const wave = await scene.crowd(WAVE, (index) => Math.floor((opened + index) / PER_ADDRESS))
      for (const intruder of wave) {
        intruder.makeDeaf()
        intruder.sendBytes(hello)
        void intruder.ended.then(() => (cut += 1))
      }
    }
    // Each takes the place of one who is silent: half of those must be left for the deadline to end.
    const { waitsMs, cut: cutNewcomers } = await newcomers(scene, { most: count / 2, isAttacked: () => cut < count })
    await scene.until(() => cut === count, PATIENCE_MS)
    scene.expect(cut === count, `${cut} of ${count} were cut`)
    // A busy machine may take longer than the short deadline for one of them.
    scene.expect(waitsMs.length > 10 * cutNewcomers, `${cutNewcomers} newcomers were cut, ${waitsMs.length} let in`)
    scene.note(`${waitsMs.length} newcomers let in, after ${Math.max(...waitsMs).toFixed()} ms at most`)
  },
}

interface Newcomers {
  readonly most: number
  readonly isAttacked: () => boolean
}

/** One after the other, while the attack lasts: how long each waited for WELCOME. */
async function newcomers(scene: Scene, { most, isAttacked }: Newcomers) {
  const waitsMs: number[] = []
  let cut = 0
  const untilMs = performance.now() + PATIENCE_MS
  for (let came = 0; came < most && isAttacked() && performance.now() < untilMs; came += 1) {
    const sinceMs = performance.now()
    const newcomer = await scene.tlsIntruder(FIRST_NEWCOMER_HOST + came)
    const welcome = await newcomer.greet()
    if (welcome === undefined) cut += 1
    else waitsMs.push(performance.now() - sinceMs)
    newcomer.reset()
  }
  return { waitsMs, cut }
}

/** Of a client of Node, as it is. */
async function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({ read: () => undefined, write: (bytes: Buffer) => resolve(bytes) })
    connect({ socket: wire }).on('error', () => undefined)
  })
}
