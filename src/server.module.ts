import { Global, Module, type BeforeApplicationShutdown } from '@nestjs/common'
import { authCompactRoute } from './auth/auth-compact-route.js'
import { publishCompactRoute } from './chat/chat-compact-route.js'
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
import { NestwireServer } from './transport/nestwire-server.js'
import { TickFlusher } from './transport/outbox.js'

/** Where the transport, which knows no chat, is told of the application: settings, sessions, compact packets. */
function createServer(
  settings: Settings,
  sessions: SessionsService,
  router: BackpressureRouter,
  resumes: ResumeService,
  flusher: TickFlusher,
  clock: Clock,
): NestwireServer {
  const { host, port } = settings.current.listen
  const compactRoutes = [authCompactRoute, joinCompactRoute, publishCompactRoute]
  return new NestwireServer({
    host,
    port,
    authentication: 'handler',
    limits: {
      get current() {
        return settings.current.transport
      },
    },
    compactRoutes: settings.current.sessions.resume ? [...compactRoutes, resumeCompactRoute] : compactRoutes,
    observers: [sessions, router, resumes],
    flusher,
    clock,
  })
}

@Global()
@Module({
  imports: [SessionsModule, DeliveryModule, ResumeModule],
  providers: [
    {
      provide: NestwireServer,
      inject: [Settings, SessionsService, BackpressureRouter, ResumeService, TickFlusher, CLOCK],
      useFactory: createServer,
    },
  ],
  exports: [NestwireServer],
})
export class ServerModule implements BeforeApplicationShutdown {
  constructor(private readonly server: NestwireServer) {}

  /** Nest closes HTTP before the transport; draining here first lets readiness tell of it meanwhile. */
  beforeApplicationShutdown(): Promise<void> {
    return this.server.close()
  }
}
