/** Bounds of publishers and of the router. The table of all settings is in `settings-schema.ts`. */
import { wholeNumber } from './setting-types.js'
import { KIB, MIB, type Setting } from './setting.js'

export const deliverySettings = {
  laneMaxBytes: {
    env: 'NESTWIRE_LANE_MAX_BYTES',
    type: wholeNumber(64 * KIB, 64 * 1024 * MIB),
    default: 16 * MIB,
    unit: 'bytes',
    effect: 'Messages of one priority that are admitted and not yet offered to every member.',
    live: true,
  },
  laneMaxMessages: {
    env: 'NESTWIRE_LANE_MAX_MESSAGES',
    type: wholeNumber(1, 10_000_000),
    default: 65_536,
    unit: 'records',
    effect: 'The same, counted in messages; the fuller of the two counts.',
    live: true,
  },
  maxTotalBytes: {
    env: 'NESTWIRE_ROUTER_MAX_BYTES',
    type: wholeNumber(64 * KIB, 64 * 1024 * MIB),
    default: 40 * MIB,
    unit: 'bytes',
    effect: 'The same over all priorities.',
    live: true,
  },
  highFreePercent: {
    env: 'NESTWIRE_HIGH_FREE_PERCENT',
    type: wholeNumber(0, 100),
    default: 20,
    effect: 'The router is congested while less than this of the high lane is free.',
    live: true,
  },
  normalFreePercent: {
    env: 'NESTWIRE_NORMAL_FREE_PERCENT',
    type: wholeNumber(0, 100),
    default: 10,
    effect: 'The router is congested while less than this of the normal lane is free.',
    live: true,
  },
  publishMessagesPerSecond: {
    env: 'NESTWIRE_PUBLISH_MESSAGES_PER_SECOND',
    type: wholeNumber(1, 10_000_000),
    default: 50_000,
    unit: 'records/s',
    effect:
      'Messages that one user may send to this node in a second, all at once or spread, over all its connections.',
    live: true,
  },
  publishBytesPerSecond: {
    env: 'NESTWIRE_PUBLISH_BYTES_PER_SECOND',
    type: wholeNumber(KIB, 64 * 1024 * MIB),
    default: 64 * MIB,
    unit: 'bytes/s',
    effect: 'The same, counted in bytes of bodies; a larger message passes when nothing was sent just before.',
    live: true,
  },
} as const satisfies Record<string, Setting>
