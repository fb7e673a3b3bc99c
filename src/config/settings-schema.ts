/**
 * Every setting, once: variable, type with bounds, default, unit, effect. The settings value, the checks at start-up,
 * `.env.example` and the limits page follow this table (tests compare them with it).
 * `live` settings take effect when `Settings` is swapped; the others at the next start.
 */
import type { z } from 'zod'
import { DEFAULT_PORT } from '../protocol/constants.js'
import { abuseSettings } from './abuse-settings.js'
import { clusterSettings } from './cluster-settings.js'
import { deliverySettings } from './delivery-settings.js'
import { operationSettings } from './operation-settings.js'
import { DAY_MS, KIB, MIB, type Setting } from './setting.js'
import { sessionSettings } from './session-settings.js'
import { flag, oneOf, text, wholeNumber } from './setting-types.js'
import { tlsSettings } from './tls-settings.js'
import { transportSettings } from './transport-settings.js'

const settingsSchema = {
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
      effect: 'Address of the HTTP side: health, metrics, administration, and the cluster as this node sees it.',
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
      live: true,
      secret: true,
    },
    publicKeyFile: {
      env: 'NESTWIRE_AUTH_PUBLIC_KEY_FILE',
      type: text(),
      default: undefined,
      effect: 'PEM (SPKI) or JWKS file with the keys of your token issuer: EdDSA, ES256, RS256; HS256 is then refused.',
      live: true,
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
  tls: tlsSettings,
  sessions: sessionSettings,
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
    signalsPerSecond: {
      env: 'NESTWIRE_SIGNALS_PER_SECOND',
      type: wholeNumber(1, 10_000),
      default: 50,
      unit: 'signals/s',
      effect: 'Signals (rooms.signal) that one session of a user may send in a second, all at once or spread.',
      live: true,
    },
  },
  log: {
    engine: {
      env: 'NESTWIRE_LOG_ENGINE',
      type: oneOf('lmdb', 'memory'),
      default: 'lmdb',
      effect:
        'Where rooms, members and messages are kept: lmdb, on disk in the data folder, or memory, which a restart forgets.',
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
    dedupWindowMs: {
      env: 'NESTWIRE_DEDUP_WINDOW_MS',
      type: wholeNumber(1_000, 3_600_000),
      default: 120_000,
      unit: 'ms',
      effect: 'How long a client may send a message again by its id and have it stored once.',
      live: true,
    },
    dedupMaxIds: {
      env: 'NESTWIRE_DEDUP_MAX_IDS',
      type: wholeNumber(1, 10_000_000),
      default: 250_000,
      unit: 'records',
      effect: 'Records over all rooms whose ids are known, 80 bytes of memory each.',
      live: true,
    },
  },
  cluster: clusterSettings,
  delivery: deliverySettings,
  transport: transportSettings,
  abuse: abuseSettings,
  output: {
    logLevel: {
      env: 'NESTWIRE_LOG_LEVEL',
      type: oneOf('fatal', 'error', 'warn', 'log', 'debug', 'verbose'),
      default: 'log',
      effect: 'Least important messages that are written.',
      live: true,
    },
    logJson: {
      env: 'NESTWIRE_LOG_JSON',
      type: oneOf('auto', 'true', 'false'),
      default: 'auto',
      effect: 'Whether log lines are JSON; auto: unless standard output is a terminal.',
      live: false,
    },
  },
  operation: operationSettings,
} as const satisfies Record<string, Record<string, Setting>>

type Schema = typeof settingsSchema
type ValueOf<One extends Setting> = undefined extends One['default']
  ? z.output<One['type']> | undefined
  : z.output<One['type']>

/** Of every variable that is a setting. */
export type SettingName = { [Group in keyof Schema]: NameOf<Schema[Group]> }[keyof Schema]
type NameOf<Group> = { [Key in keyof Group]: Group[Key] extends Setting ? Group[Key]['env'] : never }[keyof Group]

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
