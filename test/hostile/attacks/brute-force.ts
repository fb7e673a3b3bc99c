/** Tokens that are guessed, one connection after the other and many at once. */
import { auth } from '../../support/client-packets.js'
import type { Attack } from '../attack.js'

const AT_ONCE = 50
/** The default of NESTWIRE_AUTH_FAILURES_PER_MINUTE. */
const FAILURES_PER_MINUTE = 300
/** That of NESTWIRE_BACKOFF_MS. */
const LEAST_BACKOFF_MS = 10_000

export const bruteForce: Attack = {
  name: 'auth brute force',
  metrics: [
    { name: 'nestwire_closes_total', labels: { code: 'AuthRejected' }, least: 200 },
    { name: 'nestwire_auth_failures_total', least: 300 },
    { name: 'nestwire_auth_backoffs_total', least: 1 },
  ],
  async run(scene) {
    const startedAtMs = performance.now()
    const tries = scene.size(500, 10_000)
    const guess = (await scene.token('admin', { role: 'admin' })).slice(0, -8)
    for (let tried = 0; tried < tries; tried += AT_ONCE) {
      const crowd = await scene.crowd(AT_ONCE)
      await Promise.all(
        crowd.map(async (intruder, index) => {
          await intruder.greet()
          const token = guess + String(tried + index).padStart(8, 'A')
          // The second guess on a connection is one too many, and not read.
          intruder.send(auth(token, 1), auth(token, 2))
          await intruder.ended
        }),
      )
    }
    const { tally } = scene
    scene.expect(tally.count('authOk') === 0, 'somebody guessed a token')
    const rejected = tally.closedWith('AuthRejected')
    // After each back-off it may guess again; those that were under way when it began are answered, too.
    const times = 1 + Math.floor((performance.now() - startedAtMs) / LEAST_BACKOFF_MS)
    const most = times * FAILURES_PER_MINUTE + AT_ONCE
    const isBounded = rejected >= FAILURES_PER_MINUTE - AT_ONCE && rejected <= most
    scene.expect(isBounded, `${rejected} guesses were looked at: ${tally.describe()}`)
    scene.expect(tally.closedWith('BackedOff') > 0, tally.describe())
  },
}
