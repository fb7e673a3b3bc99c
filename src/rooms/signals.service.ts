/**
 * `rooms.signal`: what members tell each other in passing, such as who is typing. In no log and in no order with messages;
 * each connection gets it at most once, and who reads slowly goes without. This node listens to a room's signals of others
 * while members of it are connected here. What goes between nodes is the body of the event.
 */
import type { RoomSignals } from '../cluster/room-signals.js'
import type { RoomDelivery } from '../delivery/room-delivery.js'
import { encodeBody } from '../protocol/body.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId } from '../protocol/ids.js'
import type { Principal } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import type { Presence } from './presence.js'
import { encodeEncodedEvent } from './room-event.js'
import { actsForSystem, type RoomPolicy } from './room-policy.js'
import { notAllowed } from './room-refusals.js'
import type { RoomRegistry } from './room-registry.js'
import type { RoomsEvents, RoomsPayload, SignalReply } from './rooms.contract.js'
import type { SignalRate } from './signal-rate.js'

/** Of `data` in MessagePack. */
export const MAX_SIGNAL_BYTES = 1_024

/** Who signals, and on which of its devices. */
interface Signaller {
  readonly principal: Principal
  readonly connection: ConnectionHandle
}

interface SignalsParts {
  readonly registry: RoomRegistry
  readonly policy: RoomPolicy
  readonly delivery: RoomDelivery
  readonly presence: Presence
  readonly roomSignals: RoomSignals
  readonly rate: SignalRate
}

export class SignalsService {
  /** Of rooms that are listened to. */
  private readonly stops = new Map<RoomId, () => void>()

  constructor(private readonly parts: SignalsParts) {
    parts.presence.onChanged(({ id }) => this.attend(id))
  }

  /** To all connected members but for this connection. Throws what keeps the signal from being sent. */
  signal({ principal: caller, connection }: Signaller, payload: RoomsPayload<'rooms.signal'>): SignalReply {
    const { registry, policy, rate, delivery, roomSignals } = this.parts
    const { room: id, name, data } = payload
    const room = registry.require(id)
    const standing = room.standingOf(caller.user)
    if (!policy.maySend(caller, id, standing)) throw notAllowed(id, standing)
    if (encodeBody(data).length > MAX_SIGNAL_BYTES) {
      throw new NestwireException(
        ErrorCode.MessageTooLarge,
        `data has at most ${MAX_SIGNAL_BYTES} bytes of MessagePack`,
      )
    }
    const retryAfterMs = rate.spend(room, actsForSystem(caller) ? undefined : connection)
    if (retryAfterMs > 0) {
      throw new NestwireException(ErrorCode.RateLimited, `too many signals to ${id}`, { retryAfterMs })
    }
    const body = encodeBody({ room: id, name, from: caller.user, data } satisfies RoomsEvents['rooms.signal'])
    delivery.sendEphemeral(id, encodeEncodedEvent('rooms.signal', body), connection)
    roomSignals.publish(id, body)
    return { room: id }
  }

  close(): void {
    for (const stop of this.stops.values()) stop()
    this.stops.clear()
  }

  private attend(id: RoomId): void {
    const stop = this.stops.get(id)
    // The room that has this name now, whatever became of the one that has changed.
    const isWanted = (this.parts.registry.get(id)?.onlineCount ?? 0) > 0
    if (isWanted && stop === undefined) this.stops.set(id, this.listen(id))
    else if (!isWanted && stop !== undefined) {
      this.stops.delete(id)
      stop()
    }
  }

  private listen(id: RoomId): () => void {
    const { registry, rate, delivery, roomSignals } = this.parts
    return roomSignals.listen(id, (body) => {
      const room = registry.get(id)
      if (room !== undefined && rate.spend(room, undefined) === 0) {
        delivery.sendEphemeral(id, encodeEncodedEvent('rooms.signal', body))
      }
    })
  }
}
