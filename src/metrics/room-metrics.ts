import { Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { MembershipService } from '../rooms/membership.service.js'
import { Presence } from '../rooms/presence.js'
import { RoomRegistry } from '../rooms/room-registry.js'
import { MetricSet } from './metric-set.js'

@Injectable()
export class RoomMetrics {
  constructor(
    set: MetricSet,
    registry: RoomRegistry,
    memberships: MembershipService,
    presence: Presence,
    settings: Settings,
  ) {
    set.gauge('nestwire_rooms', 'Rooms there are.', () => registry.count)
    set.gauge('nestwire_rooms_max', 'Rooms there may be.', () => settings.current.rooms.maxRooms)
    set.counter(
      'nestwire_unannounced_changes_total',
      'Joins and leaves that were no records, for the room was too large.',
      () => memberships.unannounced,
    )
    set.counter(
      'nestwire_presence_events_total',
      'Times that a room was told how many members are connected.',
      () => presence.eventsSent,
    )
  }
}
