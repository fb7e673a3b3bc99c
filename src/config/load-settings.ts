/**
 * Environment variables → settings, or every problem at once. Pure: reads no file, no `process.env`.
 * Problems name the variable and what it must be, never its value (one of them is a secret).
 */
import { DELIVER_RESERVE_BYTES, HEADER_BYTES } from '../protocol/constants.js'
import { nearestName } from './nearest-name.js'
import type { Setting } from './setting.js'
import { settingsList, type SettingsValue } from './settings-schema.js'
import { StartUpError } from './start-up-error.js'

/** Names and texts; an empty text counts as absent. */
export type Environment = Readonly<Record<string, string | undefined>>

/** One line a problem, each starting with the name of the variable. */
export class SettingsError extends StartUpError {
  override readonly name = 'SettingsError'
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'))
  }
}

/** What must hold between settings; looked at only when each of them is good by itself. */
const rules: readonly { readonly broken: (value: SettingsValue) => boolean; readonly problem: string }[] = [
  {
    broken: ({ transport }) => transport.maxMessageBytes > transport.maxFrameBytes - DELIVER_RESERVE_BYTES,
    problem: `NESTWIRE_MAX_MESSAGE_BYTES must be at most NESTWIRE_MAX_FRAME_BYTES − ${DELIVER_RESERVE_BYTES}`,
  },
  {
    broken: ({ transport }) => transport.maxHandshakeFrameBytes > transport.maxFrameBytes,
    problem: 'NESTWIRE_MAX_HANDSHAKE_FRAME_BYTES must be at most NESTWIRE_MAX_FRAME_BYTES',
  },
  {
    broken: ({ transport }) => transport.maxOutboxBytes < transport.maxFrameBytes + HEADER_BYTES,
    problem: `NESTWIRE_MAX_OUTBOX_BYTES must be at least NESTWIRE_MAX_FRAME_BYTES + ${HEADER_BYTES}`,
  },
  {
    // With less, a window that counts as half free has no room for a frame.
    broken: ({ transport }) => transport.confirmWindowBytes < transport.maxFrameBytes * 2,
    problem: 'NESTWIRE_CONFIRM_WINDOW_BYTES must be at least 2 × NESTWIRE_MAX_FRAME_BYTES',
  },
  {
    broken: ({ transport }) => transport.idleTimeoutMs <= transport.pingIntervalMs,
    problem: 'NESTWIRE_IDLE_TIMEOUT_MS must be more than NESTWIRE_PING_INTERVAL_MS',
  },
  {
    broken: ({ abuse }) => abuse.backoffMs > abuse.maxBackoffMs,
    problem: 'NESTWIRE_BACKOFF_MS must be at most NESTWIRE_MAX_BACKOFF_MS',
  },
  {
    broken: ({ auth }) => auth.secret !== undefined && auth.publicKeyFile !== undefined,
    problem: 'NESTWIRE_AUTH_SECRET must not be set together with NESTWIRE_AUTH_PUBLIC_KEY_FILE',
  },
  {
    broken: ({ tls }) => (tls.certFile === undefined) !== (tls.keyFile === undefined),
    problem: 'NESTWIRE_TLS_CERT_FILE and NESTWIRE_TLS_KEY_FILE must be set together',
  },
  {
    broken: ({ tls }) => tls.certFile === undefined && (tls.http || tls.clientCert !== 'none'),
    problem: 'NESTWIRE_HTTP_TLS=true and NESTWIRE_TLS_CLIENT_CERT need NESTWIRE_TLS_CERT_FILE',
  },
  {
    // Without authorities of its own Node would believe all those of the web.
    broken: ({ tls }) => (tls.clientCert === 'none') !== (tls.clientCaFile === undefined),
    problem: 'NESTWIRE_TLS_CLIENT_CERT=optional or required and NESTWIRE_TLS_CLIENT_CA_FILE must be set together',
  },
  {
    broken: ({ cluster }) => (cluster.user === undefined) !== (cluster.password === undefined),
    problem: 'NESTWIRE_CLUSTER_USER and NESTWIRE_CLUSTER_PASSWORD must be set together',
  },
  {
    // A secret that a node makes for itself would make it refuse the clients of the others.
    broken: ({ cluster, auth }) => cluster.url !== undefined && (auth.secret ?? auth.publicKeyFile) === undefined,
    problem: 'NESTWIRE_CLUSTER_URL needs NESTWIRE_AUTH_SECRET or NESTWIRE_AUTH_PUBLIC_KEY_FILE, the same on all nodes',
  },
  {
    broken: ({ cluster, sessions }) =>
      cluster.url !== undefined && sessions.resume && sessions.ticketSecret === undefined,
    problem: 'NESTWIRE_CLUSTER_URL needs NESTWIRE_TICKET_SECRET, the same on all nodes, or NESTWIRE_RESUME=false',
  },
  {
    broken: ({ cluster: { user, token, credsFile } }) =>
      [user, token, credsFile].filter((way) => way !== undefined).length > 1,
    problem: 'only one of NESTWIRE_CLUSTER_USER, NESTWIRE_CLUSTER_TOKEN and NESTWIRE_CLUSTER_CREDS_FILE may be set',
  },
  {
    broken: ({ cluster }) => (cluster.tlsCertFile === undefined) !== (cluster.tlsKeyFile === undefined),
    problem: 'NESTWIRE_CLUSTER_TLS_CERT_FILE and NESTWIRE_CLUSTER_TLS_KEY_FILE must be set together',
  },
]

/**
 * `shadowed`: what is set as well and overruled. It must be good by itself, for who takes the other away, perhaps at night, would
 * bring it in force. Throws `SettingsError`.
 */
export function loadSettings(env: Environment, shadowed: Environment = {}): SettingsValue {
  const problems = [...unknownNames(env), ...shadowedProblems(shadowed)]
  const groups: Record<string, Record<string, unknown>> = {}
  for (const { group, key, setting } of settingsList) {
    const parsed = parseSetting(setting, env[setting.env])
    if ('problem' in parsed) problems.push(`${setting.env} ${parsed.problem}`)
    else (groups[group] ??= {})[key] = parsed.value
  }
  if (problems.length > 0) throw new SettingsError(problems)
  for (const group of Object.values(groups)) Object.freeze(group)
  // The list is made from the schema that the type is made from: all keys are there, each of its type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const value = Object.freeze(groups) as unknown as SettingsValue
  checkRules(value)
  return value
}

/** Throws `SettingsError` if settings that are good one by one do not go together. */
export function checkRules(value: SettingsValue): void {
  const broken = rules.filter((rule) => rule.broken(value)).map((rule) => rule.problem)
  if (broken.length > 0) throw new SettingsError(broken)
}

function parseSetting(setting: Setting, text: string | undefined): { value: unknown } | { problem: string } {
  if (text === undefined || text === '') return { value: setting.default }
  const parsed = setting.type.safeParse(text)
  return parsed.success ? { value: parsed.data } : { problem: parsed.error.issues[0]?.message ?? 'is not acceptable' }
}

function shadowedProblems(shadowed: Environment): string[] {
  return settingsList.flatMap(({ setting }) => {
    const parsed = parseSetting(setting, shadowed[setting.env])
    return 'problem' in parsed
      ? [`${setting.env} ${parsed.problem}, also in the file, which the environment overrules`]
      : []
  })
}

/** A misspelt name would leave a limit at its default without anybody noticing. */
function unknownNames(env: Environment): string[] {
  const known = settingsList.map(({ setting }): string => setting.env)
  return Object.keys(env)
    .filter((name) => name.startsWith('NESTWIRE_') && !known.includes(name))
    .map((name) => `${name} is not a setting; the nearest is ${nearestName(name, known)}`)
}
