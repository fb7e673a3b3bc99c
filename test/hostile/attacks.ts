/** All of them, in the order in which they are performed. */
import type { Attack } from './attack.js'
import { bruteForce } from './attacks/brute-force.js'
import { busyCore } from './attacks/busy-core.js'
import { cancelFlood } from './attacks/cancel-flood.js'
import { floodFromManyAddresses } from './attacks/flood-from-many-addresses.js'
import { floodFromOneAddress } from './attacks/flood-from-one-address.js'
import { frameBombs } from './attacks/frame-bombs.js'
import { halfOpen } from './attacks/half-open.js'
import { hugeNames } from './attacks/huge-names.js'
import { joinLeaveStorm } from './attacks/join-leave-storm.js'
import { lowPriorityFlood } from './attacks/low-priority-flood.js'
import { nameTricks } from './attacks/name-tricks.js'
import { otherProtocols } from './attacks/other-protocols.js'
import { pingsOnly } from './attacks/pings-only.js'
import { positionLies } from './attacks/position-lies.js'
import { repeatedAuth } from './attacks/repeated-auth.js'
import { resetStorm } from './attacks/reset-storm.js'
import { slowloris } from './attacks/slowloris.js'
import { subscribeEverything } from './attacks/subscribe-everything.js'
import { tickets } from './attacks/tickets.js'
import { tlsGarbage } from './attacks/tls-garbage.js'
import { tlsHalfHandshakes } from './attacks/tls-half-handshakes.js'
import { tlsRenegotiation } from './attacks/tls-renegotiation.js'
import { unknownPatterns } from './attacks/unknown-patterns.js'
import { unreadAnswers } from './attacks/unread-answers.js'

export const attacks: readonly Attack[] = [
  busyCore,
  slowloris,
  floodFromOneAddress,
  floodFromManyAddresses,
  otherProtocols,
  halfOpen,
  resetStorm,
  bruteForce,
  repeatedAuth,
  tickets,
  frameBombs,
  hugeNames,
  nameTricks,
  joinLeaveStorm,
  subscribeEverything,
  lowPriorityFlood,
  unknownPatterns,
  cancelFlood,
  pingsOnly,
  positionLies,
  unreadAnswers,
  tlsHalfHandshakes,
  tlsGarbage,
  tlsRenegotiation,
]
