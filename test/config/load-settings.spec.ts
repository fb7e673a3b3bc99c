import { describe, expect, test } from 'vitest'
import { loadSettings, SettingsError, type Environment } from '../../src/config/load-settings.js'
import { settingsList } from '../../src/config/settings-schema.js'

function problemsOf(env: Environment): readonly string[] {
  try {
    loadSettings(env)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}

describe('settings from the environment', () => {
  test('an empty environment gives every default', () => {
    const value: Record<string, Record<string, unknown>> = loadSettings({})
    for (const { group, key, setting } of settingsList) expect(value[group]?.[key]).toBe(setting.default)
  })

  test('an empty variable counts as absent', () => {
    expect(loadSettings({ NESTWIRE_PORT: '', NESTWIRE_AUTH_SECRET: '' })).toEqual(loadSettings({}))
  })

  test('variables of other programs are ignored', () => {
    expect(loadSettings({ PATH: '/bin', NESTWIREISH: 'x' })).toEqual(loadSettings({}))
  })

  test('text becomes numbers and booleans', () => {
    const value = loadSettings({ NESTWIRE_PORT: '0', NESTWIRE_ROOMS_OPEN: 'false', NESTWIRE_LOG_LEVEL: 'debug' })
    expect([value.listen.port, value.rooms.open, value.output.logLevel]).toEqual([0, false, 'debug'])
  })

  test('the value and its groups are frozen', () => {
    const value = loadSettings({})
    expect(Object.isFrozen(value)).toBe(true)
    expect(Object.values(value).every((group) => Object.isFrozen(group))).toBe(true)
  })

  test('all problems are listed, a line each', () => {
    const problems = problemsOf({ NESTWIRE_PORT: '65536', NESTWIRE_LOG_JSON: 'yes', NESTWIRE_LOG_LEVEL: 'loud' })
    expect(problems).toEqual([
      'NESTWIRE_PORT must be a whole number from 0 to 65535',
      'NESTWIRE_LOG_LEVEL must be one of fatal, error, warn, log, debug, verbose',
      'NESTWIRE_LOG_JSON must be one of auto, true, false',
    ])
  })

  test.each(['-1', '1.5', '1e3', '0x10', ' 80', '80 ', 'NaN', '9999999999999999999'])(
    '%j is no whole number',
    (text) => {
      expect(problemsOf({ NESTWIRE_PORT: text })).toHaveLength(1)
    },
  )

  test('an unknown name is refused with the nearest one', () => {
    expect(problemsOf({ NESTWIRE_MAX_CONECTIONS: '10' })).toEqual([
      'NESTWIRE_MAX_CONECTIONS is not a setting; the nearest is NESTWIRE_MAX_CONNECTIONS',
    ])
  })

  test('problems never quote a secret', () => {
    expect(problemsOf({ NESTWIRE_AUTH_SECRET: 'hunter2' })).toEqual([
      'NESTWIRE_AUTH_SECRET must have at least 32 characters',
    ])
  })

  test('a secret of 32 characters is accepted, of 31 refused', () => {
    expect(problemsOf({ NESTWIRE_AUTH_SECRET: 'x'.repeat(32) })).toEqual([])
    expect(problemsOf({ NESTWIRE_AUTH_SECRET: 'x'.repeat(31) })).toHaveLength(1)
  })

  const roomy = { NESTWIRE_MAX_OUTBOX_BYTES: '2000000', NESTWIRE_CONFIRM_WINDOW_BYTES: '2100000' }
  test.each([
    ['NESTWIRE_MAX_FRAME_BYTES', 4096, 1_048_576, { NESTWIRE_MAX_MESSAGE_BYTES: '1' }],
    ['NESTWIRE_AUTH_MAX_IN_FLIGHT', 1, 1024, {}],
    ['NESTWIRE_HISTORY_MAX_RECORDS', 1, 1_000_000, {}],
  ])('%s holds its bounds to one', (name, min, max, others) => {
    const withValue = (value: number) => problemsOf({ ...roomy, ...others, [name]: String(value) })
    expect([withValue(min), withValue(max)]).toEqual([[], []])
    expect([withValue(min - 1), withValue(max + 1)]).toEqual(
      Array.from({ length: 2 }, () => [`${name} must be a whole number from ${min} to ${max}`]),
    )
  })
})

describe('what a node tells of itself', () => {
  test.each([
    ['chat-1.example.org', 'chat-1.example.org', undefined],
    ['chat-1:7420', 'chat-1', 7420],
    ['192.0.2.1:65535', '192.0.2.1', 65_535],
    ['[2001:db8::1]:1', '2001:db8::1', 1],
    ['[::1]', '::1', undefined],
  ])('is reached at %s', (text, host, port) => {
    expect(loadSettings({ NESTWIRE_ADVERTISED_ADDRESS: text }).cluster.advertisedAddress).toEqual({ host, port })
  })

  test.each([
    '0.0.0.0:7420',
    '[::]:7420',
    '2001:db8::1',
    'chat-1:0',
    'chat-1:65536',
    ':7420',
    'nestwire://chat-1',
    'a b',
  ])('is not reached at %s', (text) => {
    expect(problemsOf({ NESTWIRE_ADVERTISED_ADDRESS: text })).toEqual([
      'NESTWIRE_ADVERTISED_ADDRESS must be like chat-1.example.org:7420 or chat-1.example.org, an IPv6 address in brackets',
    ])
  })

  test('has a host of 253 characters and a name of 64 at most', () => {
    expect(problemsOf({ NESTWIRE_ADVERTISED_ADDRESS: 'x'.repeat(253) })).toEqual([])
    expect(problemsOf({ NESTWIRE_ADVERTISED_ADDRESS: 'x'.repeat(254) })).toHaveLength(1)
    expect(problemsOf({ NESTWIRE_NODE_NAME: 'x'.repeat(64) })).toEqual([])
    expect(problemsOf({ NESTWIRE_NODE_NAME: 'x'.repeat(65) })).toEqual([
      'NESTWIRE_NODE_NAME must be 1 to 64 letters, digits, _ or -',
    ])
  })
})

describe('rules between settings', () => {
  test('a message leaves 1024 bytes of the frame', () => {
    const env = { NESTWIRE_MAX_FRAME_BYTES: '8192' }
    expect(problemsOf({ ...env, NESTWIRE_MAX_MESSAGE_BYTES: '7168' })).toEqual([])
    expect(problemsOf({ ...env, NESTWIRE_MAX_MESSAGE_BYTES: '7169' })).toEqual([
      'NESTWIRE_MAX_MESSAGE_BYTES must be at most NESTWIRE_MAX_FRAME_BYTES − 1024',
    ])
  })

  test('the idle timeout is longer than the ping interval', () => {
    expect(problemsOf({ NESTWIRE_PING_INTERVAL_MS: '50', NESTWIRE_IDLE_TIMEOUT_MS: '51' })).toEqual([])
    expect(problemsOf({ NESTWIRE_PING_INTERVAL_MS: '50', NESTWIRE_IDLE_TIMEOUT_MS: '50' })).toHaveLength(1)
  })

  test('the outbox holds at least one frame', () => {
    expect(problemsOf({ NESTWIRE_MAX_OUTBOX_BYTES: String(65_536 + 16) })).toEqual([])
    expect(problemsOf({ NESTWIRE_MAX_OUTBOX_BYTES: String(65_536 + 15) })).toHaveLength(1)
  })

  test('the window holds at least two frames', () => {
    expect(problemsOf({ NESTWIRE_CONFIRM_WINDOW_BYTES: String(2 * 65_536) })).toEqual([])
    expect(problemsOf({ NESTWIRE_CONFIRM_WINDOW_BYTES: String(2 * 65_536 - 1) })).toEqual([
      'NESTWIRE_CONFIRM_WINDOW_BYTES must be at least 2 × NESTWIRE_MAX_FRAME_BYTES',
    ])
  })

  test('a handshake frame is no larger than a frame', () => {
    const env = { NESTWIRE_MAX_FRAME_BYTES: '5000', NESTWIRE_MAX_MESSAGE_BYTES: '1000' }
    expect(problemsOf({ ...env, NESTWIRE_MAX_HANDSHAKE_FRAME_BYTES: '5000' })).toEqual([])
    expect(problemsOf({ ...env, NESTWIRE_MAX_HANDSHAKE_FRAME_BYTES: '5001' })).toHaveLength(1)
  })

  test('a node of a cluster makes no secrets of its own', () => {
    const url = { NESTWIRE_CLUSTER_URL: 'nats://127.0.0.1:4222' }
    const secret = { NESTWIRE_AUTH_SECRET: 'x'.repeat(32) }
    const key = { NESTWIRE_AUTH_PUBLIC_KEY_FILE: 'key.pem' }
    const tickets = { NESTWIRE_TICKET_SECRET: 'x'.repeat(32) }
    expect(problemsOf({ ...url, ...secret, ...tickets })).toEqual([])
    expect(problemsOf({ ...url, ...key, ...tickets })).toEqual([])
    expect(problemsOf({ ...url, ...secret, NESTWIRE_RESUME: 'false' })).toEqual([])
    expect(problemsOf({ ...url, ...tickets })).toHaveLength(1)
    expect(problemsOf({ ...url, ...secret })).toHaveLength(1)
  })

  test('a secret and a public key exclude each other', () => {
    const secret = { NESTWIRE_AUTH_SECRET: 'x'.repeat(32) }
    expect(problemsOf({ ...secret, NESTWIRE_AUTH_PUBLIC_KEY_FILE: 'key.pem' })).toHaveLength(1)
  })
})

describe('rules of TLS', () => {
  const pair = { NESTWIRE_TLS_CERT_FILE: 'c.pem', NESTWIRE_TLS_KEY_FILE: 'c.key' }
  const asked = { ...pair, NESTWIRE_TLS_CLIENT_CERT: 'required', NESTWIRE_TLS_CLIENT_CA_FILE: 'ca.pem' }

  test.each([[pair], [asked], [{ ...asked, NESTWIRE_HTTP_TLS: 'true', NESTWIRE_TLS_MIN_VERSION: 'TLSv1.3' }]])(
    'allow %j',
    (env) => {
      expect(problemsOf(env)).toEqual([])
    },
  )

  test.each([
    [{ NESTWIRE_TLS_CERT_FILE: 'c.pem' }, 'NESTWIRE_TLS_CERT_FILE and NESTWIRE_TLS_KEY_FILE must be set together'],
    [{ NESTWIRE_HTTP_TLS: 'true' }, 'NESTWIRE_HTTP_TLS=true and NESTWIRE_TLS_CLIENT_CERT need NESTWIRE_TLS_CERT_FILE'],
    [
      { ...asked, NESTWIRE_TLS_CLIENT_CA_FILE: '' },
      'NESTWIRE_TLS_CLIENT_CERT=optional or required and NESTWIRE_TLS_CLIENT_CA_FILE must be set together',
    ],
    [
      { ...asked, NESTWIRE_TLS_CLIENT_CERT: 'none' },
      'NESTWIRE_TLS_CLIENT_CERT=optional or required and NESTWIRE_TLS_CLIENT_CA_FILE must be set together',
    ],
    [{ ...pair, NESTWIRE_TLS_MIN_VERSION: 'TLSv1.1' }, 'NESTWIRE_TLS_MIN_VERSION must be one of TLSv1.2, TLSv1.3'],
  ])('refuse %j', (env, problem) => {
    expect(problemsOf(env)).toEqual([problem])
  })
})
