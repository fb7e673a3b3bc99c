/** What no log holds, put together as a lone node needs it or as a node of a cluster does. */
import type { Clock } from '../clock.js'
import { NatsSignals } from '../cluster/nats-signals.js'
import type { RoomSignals } from '../cluster/room-signals.js'
import type { Settings } from '../config/settings.js'
import type { RoomDelivery } from '../delivery/room-delivery.js'
import { TimerWheel } from '../transport/timer-wheel.js'
import { ClusterPresence, nowhereElse } from './cluster-presence.js'
import { Presence } from './presence.js'
import type { RoomPolicy } from './room-policy.js'
import type { RoomRegistry } from './room-registry.js'
import { SignalRate } from './signal-rate.js'
import { SignalsService } from './signals.service.js'

interface SignalsParts {
  /** `NatsSignals` in a cluster. */
  readonly roomSignals: RoomSignals
  readonly registry: RoomRegistry
  readonly policy: RoomPolicy
  readonly delivery: RoomDelivery
  readonly settings: Settings
  readonly clock: Clock
}

export interface AssembledSignals {
  /** To be started when the rooms are loaded. */
  readonly presence: Presence
  readonly signals: SignalsService
}

export function assembleSignals(parts: SignalsParts): AssembledSignals {
  const { roomSignals, registry, settings, clock } = parts
  const wheel = new TimerWheel(clock)
  const elsewhere =
    roomSignals instanceof NatsSignals
      ? new ClusterPresence({
          nodes: roomSignals.allNodes,
          settings,
          wheel,
          onlineHere: (room) => registry.get(room)?.onlineCount ?? 0,
        })
      : nowhereElse
  const presence = new Presence({ ...parts, wheel, elsewhere })
  return { presence, signals: new SignalsService({ ...parts, presence, rate: new SignalRate(settings, clock) }) }
}
