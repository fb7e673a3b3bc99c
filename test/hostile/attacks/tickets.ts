/** Tickets that were used before, of another server, and with a bit turned. */
import { TicketSeal } from '../../../src/auth/ticket.js'
import { Feature } from '../../../src/protocol/constants.js'
import { trustedSessionId } from '../../../src/protocol/ids.js'
import { resume } from '../../support/client-packets.js'
import { userOf } from '../../support/example-packets.js'
import type { Attack } from '../attack.js'
import type { Intruder } from '../intruder.js'
import type { Scene } from '../scene.js'

/** Bad tickets of one address: fewer than it is backed off for. */
const PER_ADDRESS = 100

/** Past HELLO, with a part in resume. */
async function returning(scene: Scene, host = 0): Promise<Intruder> {
  const intruder = await scene.intruder(host)
  await intruder.greet(Feature.Resume)
  return intruder
}

async function tryTicket(scene: Scene, ticket: Buffer, host: number): Promise<string | undefined> {
  const intruder = await returning(scene, host)
  const answer = await intruder.ask((correlation) => resume(ticket, [], correlation))
  intruder.reset()
  return answer?.kind
}

/** A ticket for an admin, sealed with a key that is not this server's. */
function foreignTicket(): Buffer {
  const expiresAtMs = Date.now() + 600_000
  const principal = { user: userOf('admin'), username: 'admin', role: 'admin', expiresAtMs } as const
  const session = trustedSessionId('c0ffee')
  return new TicketSeal('the secret of some other server').seal({ session, principal, generation: 0, expiresAtMs })
}

export const tickets: Attack = {
  name: 'replayed, foreign and forged tickets',
  metrics: [
    { name: 'nestwire_closes_total', labels: { code: 'TakenOver' }, least: 1 },
    { name: 'nestwire_auth_failures_total', least: 100 },
  ],
  async run(scene) {
    const token = await scene.token('traveller')
    const first = await returning(scene)
    const granted = await first.ask((correlation) => ({ kind: 'auth', correlation, redirects: 0, token }))
    if (granted?.kind !== 'authOk') return scene.expect(false, 'the traveller was not let in')
    const { ticket } = granted
    const foreign = foreignTicket()
    const forged = Array.from({ length: scene.size(100, 2_000) }, (_, index) => {
      const copy = Buffer.from(ticket)
      const at = index % copy.length
      copy[at] = (copy[at] ?? 0) ^ (1 << (index % 8))
      return copy
    })
    for (const [index, bad] of [...forged, foreign, Buffer.alloc(0)].entries()) {
      const kind = await tryTicket(scene, bad, 1 + Math.floor(index / PER_ADDRESS))
      scene.expect(kind === 'error', `a bad ticket was answered with ${kind}`)
    }
    const { tally } = scene
    scene.expect(tally.refusedWith('TICKET_INVALID') === forged.length + 2, tally.describe())
    scene.expect(!first.isOver, 'a bad ticket ended the session that it was for')

    // The first to come back is the session; a copy of the same ticket ends nobody once the newer one was shown.
    const second = await returning(scene)
    const resumed = await second.ask((correlation) => resume(ticket, [], correlation))
    scene.expect(resumed?.kind === 'resumed', `the true ticket was answered with ${resumed?.kind}`)
    await first.ended
    scene.expect(tally.closedWith('TakenOver') === 1, tally.describe())
  },
}
