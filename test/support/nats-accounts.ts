/** Operator, account and user of NATS as JWTs, as `nsc` makes them: configuration of a server, and files for its users. */
import { randomBytes } from 'node:crypto'
import { nkeys } from '@nats-io/transport-node'

type KeyPair = ReturnType<typeof nkeys.createUser>

const UNLIMITED = -1
const ACCOUNT_LIMITS = {
  subs: UNLIMITED,
  data: UNLIMITED,
  payload: UNLIMITED,
  imports: UNLIMITED,
  exports: UNLIMITED,
  conn: UNLIMITED,
  leaf: UNLIMITED,
  wildcards: true,
}
const JETSTREAM_LIMITS = { mem_storage: UNLIMITED, disk_storage: UNLIMITED, streams: UNLIMITED, consumer: UNLIMITED }

export interface NatsAccounts {
  /** Of a server that knows the operator and two accounts: one with JetStream, one without. */
  readonly serverConfig: string
  /** What is in the `.creds` file of a new user, who is let in until then; without it for ever. */
  readonly userCreds: (account: 'chat' | 'plain', expiresAtS?: number) => string
}

export function natsAccounts(): NatsAccounts {
  const operator = nkeys.createOperator()
  const pairs = { system: nkeys.createAccount(), chat: nkeys.createAccount(), plain: nkeys.createAccount() }
  const account = (name: keyof typeof pairs, limits: object) =>
    signed(operator, pairs[name], { type: 'account', limits: { ...ACCOUNT_LIMITS, ...limits } })
  const preloaded = {
    [pairs.system.getPublicKey()]: account('system', {}),
    [pairs.chat.getPublicKey()]: account('chat', JETSTREAM_LIMITS),
    [pairs.plain.getPublicKey()]: account('plain', {}),
  }
  const serverConfig = [
    `operator: ${signed(operator, operator, { type: 'operator' })}`,
    `system_account: ${pairs.system.getPublicKey()}`,
    'resolver: MEMORY',
    `resolver_preload: ${JSON.stringify(preloaded)}`,
  ].join('\n')
  return {
    serverConfig,
    userCreds: (name, expiresAtS) => {
      const user = nkeys.createUser()
      const claims = { type: 'user', subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED }
      return credsOf(signed(pairs[name], user, claims, expiresAtS), user)
    },
  }
}

function signed(issuer: KeyPair, subject: KeyPair, nats: object, exp?: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    jti: randomBytes(16).toString('hex'),
    iat: Math.floor(Date.now() / 1_000),
    exp,
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    nats: { ...nats, version: 2 },
  }
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}

function credsOf(jwt: string, user: KeyPair): string {
  const block = (label: string, content: string): string =>
    `-----BEGIN ${label}-----\n${content}\n------END ${label}------\n`
  return block('NATS USER JWT', jwt) + block('USER NKEY SEED', Buffer.from(user.getSeed()).toString())
}
