/** The transports that the rpc suite compares: how a Nest application listens with each, and how one calls it. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Type } from '@nestjs/common'
import { loadPackageSync } from '@nestjs/common/internal'
import {
  ClientProxyFactory,
  Transport,
  type ClientGrpc,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices'
import type { Observable } from 'rxjs'
import { NestwireClient } from '../../src/transport/nestwire-client.js'
import { NestwireServer } from '../../src/transport/nestwire-server.js'
import { isBrokerInstalled } from '../broker-process.js'
import { GRPC_PACKAGE, GRPC_SERVICE, RpcGrpcController, type SumAnswer } from './rpc-grpc.controller.js'
import { RpcController, type SumRequest } from './rpc.controller.js'

export type SumCall = 'sum' | 'checkedSum'

export interface RpcCaller {
  connect(): Promise<unknown>
  call(name: SumCall, request: SumRequest): Observable<unknown>
  /** The number in what a call gave. */
  sumIn(answer: unknown): unknown
  items(): Observable<unknown>
}

interface RpcTransport {
  readonly controller: Type
  readonly isInstalled: () => boolean
  /** On that port of 127.0.0.1: its own, or of the broker. */
  readonly serverOptions: (port: number) => MicroserviceOptions
  readonly caller: (port: number) => RpcCaller
}

const host = '127.0.0.1'
const natsOptions = (port: number) =>
  ({ transport: Transport.NATS, options: { servers: `nats://${host}:${port}` } }) as const

/** Seen from where this is compiled to: `bench/.build/bench/load`. */
const RIVALS = new URL('../../../rivals/', import.meta.url)

/** Nest asks for these by name from where it is installed itself, unless they are loaded already. */
function loadGrpc(): void {
  const load = createRequire(new URL('package.json', RIVALS))
  for (const name of ['@grpc/grpc-js', '@grpc/proto-loader']) loadPackageSync(name, 'bench', () => load(name) as object)
}

function grpcOptions(port: number) {
  loadGrpc()
  const protoPath = fileURLToPath(new URL('rpc.proto', RIVALS))
  return { transport: Transport.GRPC, options: { url: `${host}:${port}`, package: GRPC_PACKAGE, protoPath } } as const
}

export const rpcTransports = {
  nestwire: {
    controller: RpcController,
    isInstalled: () => true,
    serverOptions: (port) => ({ strategy: new NestwireServer({ host, port, authentication: 'none' }) }),
    caller: (port) => proxyCaller(new NestwireClient({ host, port })),
  },
  'nest-tcp': {
    controller: RpcController,
    isInstalled: () => true,
    serverOptions: (port) => ({ transport: Transport.TCP, options: { host, port } }),
    caller: (port) => proxyCaller(ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } })),
  },
  'nest-nats': {
    controller: RpcController,
    isInstalled: () => isBrokerInstalled('nats'),
    serverOptions: natsOptions,
    caller: (port) => proxyCaller(ClientProxyFactory.create(natsOptions(port))),
  },
  'nest-grpc': {
    controller: RpcGrpcController,
    isInstalled: () => existsSync(new URL('node_modules/@grpc/grpc-js', RIVALS)),
    serverOptions: grpcOptions,
    caller: (port) => grpcCaller(ClientProxyFactory.create(grpcOptions(port))),
  },
} as const satisfies Record<string, RpcTransport>

export type RpcTransportName = keyof typeof rpcTransports
export const rpcTransportNames = Object.keys(rpcTransports) as RpcTransportName[]

const proxyCaller = (client: ClientProxy): RpcCaller => ({
  connect: () => client.connect(),
  call: (name, request) => client.send(name, request),
  sumIn: (answer) => answer,
  items: () => client.send('items', {}),
})

interface GrpcService extends Record<SumCall, (request: SumRequest) => Observable<SumAnswer>> {
  items(nothing: object): Observable<SumRequest>
}

function grpcCaller(client: ClientGrpc): RpcCaller {
  const service = client.getService<GrpcService>(GRPC_SERVICE)
  return {
    connect: () => Promise.resolve(),
    call: (name, request) => service[name](request),
    sumIn: (answer) => (answer as SumAnswer).value,
    items: () => service.items({}),
  }
}
