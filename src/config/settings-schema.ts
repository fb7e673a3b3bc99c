/**
 * Every setting, once: variable, type with bounds, default, unit, effect. The settings value, the checks at start-up,
 * `.env.example` and the limits page follow this table (tests compare them with it).
 * `live` settings take effect when `Settings` is swapped; the others at the next start.
 */
import { z } from 'zod'
import { DEFAULT_PORT, MAX_FRAME_BYTES_CEILING, MAX_HANDSHAKE_FRAME_BYTES } from '../protocol/constants.js'
import { flag, oneOf, text, wholeNumber } from './setting-types.js'

/** A setting with a unit is a limit: `docs/LIMITS.md` says what happens when it is reached. */
export type Unit = 'bytes' | 'ms' | 'connections' | 'requests' | 'rooms' | 'members' | 'records' | 'verifications'

export interface Setting {
  readonly env: `NESTWIRE_${string}`
  readonly type: z.ZodType<unknown, string>
  /** `undefined`: the setting may be absent. */
  readonly default: string | number | boolean | undefined
  readonly unit?: Unit
  readonly effect: string
  readonly live: boolean
}

const KIB = 1024
const MIB = 1024 * KIB
const DAY_MS = 86_400_000

export const settingsSchema = {
  listen: {
    host: {
      env: 'NESTWIRE_HOST',
      type: text(),
      default: '127.0.0.1',
      effect: 'Address the binary protocol listens on; 0.0.0.0 for every interface.',
      live: false,
    },
    port: {
      env: 'NESTWIRE_PORT',
      type: wholeNumber(0, 65_535),
      default: DEFAULT_PORT,
      effect: 'TCP port of the binary protocol; 0 takes a free one.',
      live: false,
    },
    httpHost: {
      env: 'NESTWIRE_HTTP_HOST',
      type: text(),
      default: '127.0.0.1',
      effect: 'Address of the HTTP side: health.',
      live: false,
    },
    httpPort: {
      env: 'NESTWIRE_HTTP_PORT',
      type: wholeNumber(0, 65_535),
      default: DEFAULT_PORT + 1,
      effect: 'TCP port of the HTTP side; 0 takes a free one.',
      live: false,
    },
  },
  storage: {
    dataDir: {
      env: 'NESTWIRE_DATA_DIR',
      type: text(),
      default: './data',
      effect: 'Folder of everything that outlives the process; made at the first start.',
      live: false,
    },
  },
  auth: {
    secret: {
      env: 'NESTWIRE_AUTH_SECRET',
      type: text(32),
      default: undefined,
      effect:
        'Secret of HS256 tokens, 32 characters or more; without it one is made and kept in the data folder, mode 0600.',
      live: false,
    },
    publicKeyFile: {
      env: 'NESTWIRE_AUTH_PUBLIC_KEY_FILE',
      type: text(),
      default: undefined,
      effect: 'PEM (SPKI) or JWKS file with the keys of your token issuer: EdDSA, ES256, RS256; HS256 is then refused.',
      live: false,
    },
    issuer: {
      env: 'NESTWIRE_AUTH_ISSUER',
      type: text(),
      default: undefined,
      effect: 'If set, tokens must carry this `iss`.',
      live: true,
    },
    audience: {
      env: 'NESTWIRE_AUTH_AUDIENCE',
      type: text(),
      default: undefined,
      effect: 'If set, tokens must carry this `aud`.',
      live: true,
    },
    clockToleranceMs: {
      env: 'NESTWIRE_AUTH_CLOCK_TOLERANCE_MS',
      type: wholeNumber(0, 600_000),
      default: 5_000,
      unit: 'ms',
      effect: 'How far the clocks of issuer and server may differ.',
      live: true,
    },
    maxVerificationsInFlight: {
      env: 'NESTWIRE_AUTH_MAX_IN_FLIGHT',
      type: wholeNumber(1, 1_024),
      default: 16,
      unit: 'verifications',
      effect:
        'Tokens checked at the same time; the rest wait in order, so that logins do not starve the log of threads.',
      live: true,
    },
  },
  rooms: {
    open: {
      env: 'NESTWIRE_ROOMS_OPEN',
      type: flag(),
      default: true,
      effect: 'Whether the first join creates the room; false: only a service or admin creates rooms.',
      live: true,
    },
    announceMembersMax: {
      env: 'NESTWIRE_ANNOUNCE_MEMBERS_MAX',
      type: wholeNumber(0, 10_000),
      default: 200,
      unit: 'members',
      effect: 'Up to this size each join and leave is a record of the room; above it only the count is told.',
      live: true,
    },
    maxRooms: {
      env: 'NESTWIRE_MAX_ROOMS',
      type: wholeNumber(1, 10_000_000),
      default: 100_000,
      unit: 'rooms',
      effect: 'Rooms that may exist.',
      live: true,
    },
    maxMembersPerRoom: {
      env: 'NESTWIRE_MAX_MEMBERS_PER_ROOM',
      type: wholeNumber(1, 10_000_000),
      default: 100_000,
      unit: 'members',
      effect: 'Members of one room.',
      live: true,
    },
    presenceIntervalMs: {
      env: 'NESTWIRE_PRESENCE_INTERVAL_MS',
      type: wholeNumber(10, 60_000),
      default: 1_000,
      unit: 'ms',
      effect: 'A large room is told its member count at most once in this time.',
      live: true,
    },
  },
  log: {
    engine: {
      env: 'NESTWIRE_LOG_ENGINE',
      type: oneOf('lmdb', 'memory'),
      default: 'memory',
      effect: 'Where messages are kept: lmdb, on disk in the data folder, or memory, which a restart forgets.',
      live: false,
    },
    historyMaxRecords: {
      env: 'NESTWIRE_HISTORY_MAX_RECORDS',
      type: wholeNumber(1, 1_000_000),
      default: 10_000,
      unit: 'records',
      effect: 'Records kept of each room.',
      live: true,
    },
    historyMaxBytes: {
      env: 'NESTWIRE_HISTORY_MAX_BYTES',
      type: wholeNumber(KIB, 64 * 1024 * MIB),
      default: 16 * MIB,
      unit: 'bytes',
      effect: 'Message bodies kept of each room; the newest stays however large it is.',
      live: true,
    },
    historyMaxAgeMs: {
      env: 'NESTWIRE_HISTORY_MAX_AGE_MS',
      type: wholeNumber(0, 3_650 * DAY_MS),
      default: 30 * DAY_MS,
      unit: 'ms',
      effect: 'Age at which a record is forgotten; 0: never.',
      live: true,
    },
    logMaxBytes: {
      env: 'NESTWIRE_LOG_MAX_BYTES',
      type: wholeNumber(MIB, 16 * 1024 * 1024 * MIB),
      default: 64 * 1024 * MIB,
      unit: 'bytes',
      effect: 'All records on disk, each counted with 32 bytes more; the file may be some percent larger.',
      live: true,
    },
    memoryLogMaxBytes: {
      env: 'NESTWIRE_MEMORY_LOG_MAX_BYTES',
      type: wholeNumber(MIB, 64 * 1024 * MIB),
      default: 256 * MIB,
      unit: 'bytes',
      effect: 'Memory of the in-memory log over all rooms.',
      live: true,
    },
  },
  delivery: {
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
  },
  transport: {
    maxConnections: {
      env: 'NESTWIRE_MAX_CONNECTIONS',
      type: wholeNumber(1, 1_000_000),
      default: 19_000,
      unit: 'connections',
      effect: 'Connections at the same time; keep it under the limit of open files (ulimit -n).',
      live: true,
    },
    maxHandshakeFrameBytes: {
      env: 'NESTWIRE_MAX_HANDSHAKE_FRAME_BYTES',
      type: wholeNumber(MAX_HANDSHAKE_FRAME_BYTES, 64 * KIB),
      default: MAX_HANDSHAKE_FRAME_BYTES,
      unit: 'bytes',
      effect: 'Payload of one frame before authentication; raise it for tokens above 4,000 bytes.',
      live: true,
    },
    maxFrameBytes: {
      env: 'NESTWIRE_MAX_FRAME_BYTES',
      type: wholeNumber(4 * KIB, MAX_FRAME_BYTES_CEILING),
      default: 64 * KIB,
      unit: 'bytes',
      effect: 'Payload of one frame after authentication, both ways.',
      live: true,
    },
    maxMessageBytes: {
      env: 'NESTWIRE_MAX_MESSAGE_BYTES',
      type: wholeNumber(1, MAX_FRAME_BYTES_CEILING),
      default: 32 * KIB,
      unit: 'bytes',
      effect: 'Body of one chat message; at most NESTWIRE_MAX_FRAME_BYTES − 1024.',
      live: true,
    },
    maxInFlightRequests: {
      env: 'NESTWIRE_MAX_IN_FLIGHT_REQUESTS',
      type: wholeNumber(1, 65_535),
      default: 1_024,
      unit: 'requests',
      effect: 'Unanswered requests of one connection; reading from it pauses at this many.',
      live: true,
    },
    maxRoomsPerConnection: {
      env: 'NESTWIRE_MAX_ROOMS_PER_CONNECTION',
      type: wholeNumber(1, 65_535),
      default: 128,
      unit: 'rooms',
      effect: 'Rooms one connection may hear.',
      live: true,
    },
    maxOutboxBytes: {
      env: 'NESTWIRE_MAX_OUTBOX_BYTES',
      type: wholeNumber(8 * KIB, 64 * MIB),
      default: MIB,
      unit: 'bytes',
      effect: 'Bytes waiting to be sent to one connection; more than NESTWIRE_MAX_FRAME_BYTES.',
      live: true,
    },
    confirmWindowBytes: {
      env: 'NESTWIRE_CONFIRM_WINDOW_BYTES',
      type: wholeNumber(8 * KIB, 64 * MIB),
      default: 256 * KIB,
      unit: 'bytes',
      effect: 'Bytes sent to a client and not confirmed by it; deliveries beyond wait in the log until it has read.',
      live: true,
    },
    maxStreamBufferBytes: {
      env: 'NESTWIRE_MAX_STREAM_BUFFER_BYTES',
      type: wholeNumber(8 * KIB, 1024 * MIB),
      default: 16 * MIB,
      unit: 'bytes',
      effect: 'Bytes waiting on one connection at which a streamed reply that outruns its reader is ended.',
      live: true,
    },
    handshakeTimeoutMs: {
      env: 'NESTWIRE_HANDSHAKE_TIMEOUT_MS',
      type: wholeNumber(10, DAY_MS),
      default: 10_000,
      unit: 'ms',
      effect: 'From connecting to AUTH_OK.',
      live: true,
    },
    halfFrameTimeoutMs: {
      env: 'NESTWIRE_HALF_FRAME_TIMEOUT_MS',
      type: wholeNumber(10, DAY_MS),
      default: 15_000,
      unit: 'ms',
      effect: 'From the first to the last byte of a frame.',
      live: true,
    },
    pingIntervalMs: {
      env: 'NESTWIRE_PING_INTERVAL_MS',
      type: wholeNumber(10, DAY_MS),
      default: 25_000,
      unit: 'ms',
      effect: 'A connection this long silent is pinged.',
      live: true,
    },
    idleTimeoutMs: {
      env: 'NESTWIRE_IDLE_TIMEOUT_MS',
      type: wholeNumber(11, DAY_MS),
      default: 60_000,
      unit: 'ms',
      effect: 'A connection this long silent is closed; more than NESTWIRE_PING_INTERVAL_MS.',
      live: true,
    },
    writeStallTimeoutMs: {
      env: 'NESTWIRE_WRITE_STALL_TIMEOUT_MS',
      type: wholeNumber(10, DAY_MS),
      default: 30_000,
      unit: 'ms',
      effect: 'A connection that takes no byte of what waits for it this long is closed.',
      live: true,
    },
    closeLingerMs: {
      env: 'NESTWIRE_CLOSE_LINGER_MS',
      type: wholeNumber(0, 60_000),
      default: 2_000,
      unit: 'ms',
      effect: 'How long a closed connection may take to read its last bytes.',
      live: true,
    },
    drainTimeoutMs: {
      env: 'NESTWIRE_DRAIN_TIMEOUT_MS',
      type: wholeNumber(0, 600_000),
      default: 25_000,
      unit: 'ms',
      effect: 'Longest orderly shutdown; keep it under the 30 s after which Kubernetes kills.',
      live: true,
    },
  },
  output: {
    logLevel: {
      env: 'NESTWIRE_LOG_LEVEL',
      type: oneOf('fatal', 'error', 'warn', 'log', 'debug', 'verbose'),
      default: 'log',
      effect: 'Least important messages that are written.',
      live: false,
    },
    logJson: {
      env: 'NESTWIRE_LOG_JSON',
      type: flag(),
      default: false,
      effect: 'Whether log lines are JSON.',
      live: false,
    },
  },
} as const satisfies Record<string, Record<string, Setting>>

type Schema = typeof settingsSchema
type ValueOf<One extends Setting> = undefined extends One['default']
  ? z.output<One['type']> | undefined
  : z.output<One['type']>

/** All settings at one moment, frozen. Never keep a number from it: read `Settings.current` again. */
export type SettingsValue = {
  readonly [Group in keyof Schema]: {
    readonly [Key in keyof Schema[Group]]: Schema[Group][Key] extends Setting ? ValueOf<Schema[Group][Key]> : never
  }
}

/** The table as a list: where a setting sits in `SettingsValue`, and the setting. */
export const settingsList: readonly { readonly group: string; readonly key: string; readonly setting: Setting }[] =
  Object.entries(settingsSchema).flatMap(([group, settings]) =>
    Object.entries<Setting>(settings).map(([key, setting]) => ({ group, key, setting })),
  )
