/** Where the nodes of a cluster meet. The table of all settings is in `settings-schema.ts`. */
import { natsUrls, oneOf, reachableAddress, subjectToken, text } from './setting-types.js'
import type { Setting } from './setting.js'

const REPLICAS = { '1': 1, '3': 3, '5': 5 } as const

export const clusterSettings = {
  url: {
    env: 'NESTWIRE_CLUSTER_URL',
    type: natsUrls(),
    default: undefined,
    effect:
      'NATS servers with JetStream (2.9 or later), as nats://a:4222,nats://b:4222; without it a node is alone and keeps everything itself.',
    live: false,
  },
  name: {
    env: 'NESTWIRE_CLUSTER_NAME',
    type: subjectToken(32),
    default: 'nestwire',
    effect: 'Nodes of one name share rooms, members and sessions; several clusters can use the same NATS servers.',
    live: false,
  },
  replicas: {
    env: 'NESTWIRE_CLUSTER_REPLICAS',
    type: oneOf('1', '3', '5').transform((count) => REPLICAS[count]),
    default: 1,
    effect: 'NATS servers that keep each message; with 3 one of them may die.',
    live: false,
  },
  routing: {
    env: 'NESTWIRE_CLUSTER_ROUTING',
    type: oneOf('redirect', 'accept'),
    default: 'redirect',
    effect:
      'redirect: a user who logs in on another node than the ring says is sent there; accept: every node takes everybody, as behind a balancer.',
    live: true,
  },
  nodeName: {
    env: 'NESTWIRE_NODE_NAME',
    type: subjectToken(64),
    default: undefined,
    effect:
      'Name of this node on the ring, other than those of all others and the same after a restart; without it made from the address.',
    live: false,
  },
  advertisedAddress: {
    env: 'NESTWIRE_ADVERTISED_ADDRESS',
    type: reachableAddress(),
    default: undefined,
    effect:
      'Where clients reach this node, as host:port or host; without it NESTWIRE_HOST and the port, or the name of the machine where that is every interface.',
    live: false,
  },
  user: {
    env: 'NESTWIRE_CLUSTER_USER',
    type: text(),
    default: undefined,
    effect: 'User name for NATS.',
    live: false,
  },
  password: {
    env: 'NESTWIRE_CLUSTER_PASSWORD',
    type: text(),
    default: undefined,
    effect: 'Password for NATS.',
    live: false,
    secret: true,
  },
  token: {
    env: 'NESTWIRE_CLUSTER_TOKEN',
    type: text(),
    default: undefined,
    effect: 'Token for NATS.',
    live: false,
    secret: true,
  },
  credsFile: {
    env: 'NESTWIRE_CLUSTER_CREDS_FILE',
    type: text(),
    default: undefined,
    effect: 'File with a JWT and its key (.creds) for NATS.',
    live: false,
  },
  tlsCaFile: {
    env: 'NESTWIRE_CLUSTER_TLS_CA_FILE',
    type: text(),
    default: undefined,
    effect: 'PEM file with the authority that signed the certificates of the NATS servers; switches TLS on.',
    live: false,
  },
  tlsCertFile: {
    env: 'NESTWIRE_CLUSTER_TLS_CERT_FILE',
    type: text(),
    default: undefined,
    effect: 'PEM file with the certificate that this node shows to NATS; switches TLS on.',
    live: false,
  },
  tlsKeyFile: {
    env: 'NESTWIRE_CLUSTER_TLS_KEY_FILE',
    type: text(),
    default: undefined,
    effect: 'PEM file with the key of that certificate.',
    live: false,
  },
} as const satisfies Record<string, Setting>
