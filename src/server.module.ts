import type { AddressInfo } from 'node:net'
import { Global, Module, type BeforeApplicationShutdown } from '@nestjs/common'
import { AbuseModule } from './abuse/abuse.module.js'
import { AddressGate } from './abuse/address-gate.js'
import { authCompactRoute } from './auth/auth-compact-route.js'
import { publishCompactRoute } from './chat/chat-compact-route.js'
import { ClusterRouter } from './cluster/cluster-router.js'
import { ClusterModule } from './cluster/cluster.module.js'
import { OwnNode } from './cluster/own-node.js'
import { CLOCK } from './clock.module.js'
import type { Clock } from './clock.js'
import { Settings } from './config/settings.js'
import { BackpressureRouter } from './delivery/backpressure-router.js'
import { DeliveryModule } from './delivery/delivery.module.js'
import { resumeCompactRoute } from './resume/resume-compact-route.js'
import { ResumeModule } from './resume/resume.module.js'
import { ResumeService } from './resume/resume.service.js'
import { joinCompactRoute } from './rooms/rooms-compact-route.js'
import { SessionsModule } from './sessions/sessions.module.js'
import { SessionsService } from './sessions/sessions.service.js'
import { ServerCertificate } from './tls/server-certificate.js'
import type { Neighbours } from './transport/neighbours.js'
import { NestwireServer } from './transport/nestwire-server.js'
import { TickFlusher } from './transport/outbox.js'

/** What the nodes of a cluster are to the transport; nothing where this one is alone. */
const NEIGHBOURS = Symbol('Neighbours')

function neighboursOf(router: ClusterRouter, node: OwnNode): Neighbours | undefined {
  if (router.isAlone) return undefined
  return { startDraining: () => node.startDraining(), targetOf: (connection) => router.targetOf(connection) }
}

/** Where the transport, which knows no chat, is told of the application: settings, sessions, compact packets. */
function createServer(
  settings: Settings,
  certificate: ServerCertificate,
  sessions: SessionsService,
  router: BackpressureRouter,
  resumes: ResumeService,
  gate: AddressGate,
  flusher: TickFlusher,
  clock: Clock,
  neighbours: Neighbours | undefined,
): NestwireServer {
  const { host, port } = settings.current.listen
  const compactRoutes = [authCompactRoute, joinCompactRoute, publishCompactRoute]
  const server = new NestwireServer({
    host,
    port,
    authentication: 'handler',
    limits: {
      get current() {
        return settings.current.transport
      },
      onChange: (listener) => settings.onChange((_, before) => listener(before.transport)),
    },
    compactRoutes: settings.current.sessions.resume ? [...compactRoutes, resumeCompactRoute] : compactRoutes,
    gate,
    observers: [sessions, router, resumes],
    neighbours,
    flusher,
    clock,
  })
  certificate.keep((options) => server.useTls(options))
  return server
}

@Global()
@Module({
  imports: [AbuseModule, SessionsModule, DeliveryModule, ResumeModule, ClusterModule],
  providers: [
    {
      provide: ServerCertificate,
      inject: [Settings],
      useFactory: (settings: Settings) => ServerCertificate.read(settings),
    },
    { provide: NEIGHBOURS, inject: [ClusterRouter, OwnNode], useFactory: neighboursOf },
    {
      provide: NestwireServer,
      inject: [
        Settings,
        ServerCertificate,
        SessionsService,
        BackpressureRouter,
        ResumeService,
        AddressGate,
        TickFlusher,
        CLOCK,
        NEIGHBOURS,
      ],
      useFactory: createServer,
    },
  ],
  exports: [NestwireServer, ServerCertificate],
})
export class ServerModule implements BeforeApplicationShutdown {
  constructor(
    private readonly server: NestwireServer,
    private readonly node: OwnNode,
    settings: Settings,
  ) {
    const { listen } = settings.current
    server.on('listening', () => {
      const { port } = server.unwrap().address() as AddressInfo
      node.join({ host: listen.host, port, connectionCount: () => server.connectionCount })
    })
  }

  /** Nest closes HTTP before the transport; draining here first lets readiness tell of it meanwhile. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.server.close()
    await this.node.leave()
  }
}
