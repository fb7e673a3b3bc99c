/** How much strangers and users may take. Generous, and on by default. The table of all settings is in `settings-schema.ts`. */
import { addressRanges, wholeNumber } from './setting-types.js'
import { DAY_MS, type Setting } from './setting.js'

export const abuseSettings = {
  trustedAddresses: {
    env: 'NESTWIRE_TRUSTED_ADDRESSES',
    type: addressRanges(),
    default: ['127.0.0.0/8', '::1'],
    effect:
      'Addresses and networks, as 10.0.0.0/8,::1, that no limit by address is for: balancers, large NATs; none: no address.',
    live: true,
  },
  maxConnectionsPerAddress: {
    env: 'NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS',
    type: wholeNumber(1, 1_000_000),
    default: 2_000,
    unit: 'connections',
    effect: 'Connections of one address at the same time; of IPv6 a /64 counts as one.',
    live: true,
  },
  connectsPerAddressPerMinute: {
    env: 'NESTWIRE_CONNECTS_PER_ADDRESS_PER_MINUTE',
    type: wholeNumber(1, 10_000_000),
    default: 6_000,
    unit: 'connects/min',
    effect: 'Connections that one address may open in a minute, all at once or spread.',
    live: true,
  },
  maxConnectionsPerUser: {
    env: 'NESTWIRE_MAX_CONNECTIONS_PER_USER',
    type: wholeNumber(1, 1_000_000),
    default: 100,
    unit: 'connections',
    effect: 'Connections of one user on this node at the same time; services and admins are free.',
    live: true,
  },
  loginsPerUserPerMinute: {
    env: 'NESTWIRE_LOGINS_PER_USER_PER_MINUTE',
    type: wholeNumber(1, 10_000_000),
    default: 600,
    unit: 'logins/min',
    effect: 'Logins and resumes of one user in a minute, all at once or spread; services and admins are free.',
    live: true,
  },
  authFailuresPerMinute: {
    env: 'NESTWIRE_AUTH_FAILURES_PER_MINUTE',
    type: wholeNumber(1, 10_000_000),
    default: 300,
    unit: 'failures/min',
    effect: 'Tokens and tickets of unknown origin from one address in a minute; with so many it is refused for a time.',
    live: true,
  },
  backoffMs: {
    env: 'NESTWIRE_BACKOFF_MS',
    type: wholeNumber(100, DAY_MS),
    default: 10_000,
    unit: 'ms',
    effect: 'How long such an address is refused at first; each time twice as long.',
    live: true,
  },
  maxBackoffMs: {
    env: 'NESTWIRE_MAX_BACKOFF_MS',
    type: wholeNumber(100, DAY_MS),
    default: 900_000,
    unit: 'ms',
    effect: 'The longest time that it is refused.',
    live: true,
  },
  roomsPerUserPerMinute: {
    env: 'NESTWIRE_ROOMS_PER_USER_PER_MINUTE',
    type: wholeNumber(1, 10_000_000),
    default: 300,
    unit: 'rooms/min',
    effect: 'Rooms that one user may make in a minute, all at once or spread; services and admins are free.',
    live: true,
  },
  roomsPerMinute: {
    env: 'NESTWIRE_ROOMS_PER_MINUTE',
    type: wholeNumber(1, 10_000_000),
    default: 30_000,
    unit: 'rooms/min',
    effect: 'The same for all users of this node together.',
    live: true,
  },
  maxTracked: {
    env: 'NESTWIRE_ABUSE_MAX_TRACKED',
    type: wholeNumber(16, 10_000_000),
    default: 65_536,
    unit: 'entries',
    effect: 'Addresses, and users, whose rates and failures are remembered, of each kind.',
    live: true,
  },
} as const satisfies Record<string, Setting>
