/** The transports that the rpc suite compares: how a Nest application listens with each, and how one calls it. */
import { ClientProxyFactory, Transport, type ClientProxy, type MicroserviceOptions } from '@nestjs/microservices'
import { NestwireClient } from '../../src/transport/nestwire-client.js'
import { NestwireServer } from '../../src/transport/nestwire-server.js'

interface RpcTransport {
  /** For a free port of 127.0.0.1. */
  serverOptions(): MicroserviceOptions
  client(port: number): ClientProxy
}

const host = '127.0.0.1'

export const rpcTransports = {
  nestwire: {
    serverOptions: () => ({ strategy: new NestwireServer({ host, port: 0, authentication: 'none' }) }),
    client: (port) => new NestwireClient({ host, port }),
  },
  'nest-tcp': {
    serverOptions: () => ({ transport: Transport.TCP, options: { host, port: 0 } }),
    client: (port) => ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } }),
  },
} as const satisfies Record<string, RpcTransport>

export type RpcTransportName = keyof typeof rpcTransports
